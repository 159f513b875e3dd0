import { createHash } from 'node:crypto';
import { relative } from 'node:path';
import type { Component, Json, Phase } from '../../reports/model.ts';

const canonical = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, canonical(inner)]),
  );
};

/** SHA-256 in hex of a value, whatever the order of its keys. */
export const digest = (value: Json | object): string =>
  createHash('sha256')
    .update(JSON.stringify(canonical(value)))
    .digest('hex');

/** A component with its paths seen from the phase file's folder, so that a checkout elsewhere makes the same promise. */
export function portable(component: Component, folder: string): Component {
  const { tls, credentials } = component;
  return {
    ...component,
    tls: tls?.ca === undefined ? tls : { ...tls, ca: relative(folder, tls.ca) },
    credentials:
      credentials && 'file' in credentials.password
        ? { ...credentials, password: { file: relative(folder, credentials.password.file) } }
        : credentials,
  };
}

/** The same of the phase's cluster. */
export const portableCluster = ({ cluster }: Pick<Phase, 'cluster'>, folder: string): Pick<Phase, 'cluster'> =>
  cluster === undefined
    ? {}
    : { cluster: { ...cluster, kubeconfig: cluster.kubeconfig && relative(folder, cluster.kubeconfig) } };
