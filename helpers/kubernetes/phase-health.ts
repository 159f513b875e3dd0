import type { Phase } from '../../reports/model.ts';
import { service, settingsOf } from '../connect/kubernetes.ts';
import { Finding } from '../diagnose/finding.ts';
import type { Census } from './census.ts';
import { platformHealth } from './health.ts';

/** Pods that are ready, of those that are wanted, in the namespaces that the phase's kubernetes component names; null: not to be known. */
export function healthOf(phase: Phase, census: Census): { readonly ready: number; readonly desired: number } | null {
  const component = phase.components.find(({ type }) => type === service.type);
  if (!component) return null;
  const { namespaces, workloads } = settingsOf(component);
  try {
    const { ready, desired } = platformHealth(census, namespaces, workloads);
    return { ready, desired };
  } catch (error) {
    if (error instanceof Finding) return null;
    throw error;
  }
}
