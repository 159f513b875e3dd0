import type { z } from 'zod';
import type { Component, Diagnosis, DoorRecord } from '../reports/model.ts';
import type { Wanted } from './kubernetes/census.ts';
import type { Cluster } from './kubernetes/cluster.ts';
import type { Route } from './route.ts';

/** Secrets of one component, resolved from their references. In memory only. */
export interface Secrets {
  readonly password: string | null;
}

/** A component and the means to reach it: what a service's client is opened with. */
export interface Target {
  readonly component: Component;
  readonly secrets: Secrets;
  readonly route: Route;
  /** The phase's cluster; absent: nothing of the phase is looked at through a Kubernetes API, or we could not look. */
  readonly cluster?: Cluster;
}

/** What knocking at a component's endpoints came to. Preflight adds the component and the time. */
export type Knock = Pick<
  DoorRecord,
  'state' | 'diagnosis' | 'endpoints' | 'version' | 'achieved' | 'roles' | 'observed' | 'workload'
>;

/** An object that a run of ours created: what the scratch ledger remembers and the sweep removes. */
export interface ScratchEntry {
  readonly component: string;
  readonly kind: string;
  readonly name: string;
}

/** An entry that is still there, and why. */
export interface Left {
  readonly entry: ScratchEntry;
  readonly why: string;
}

/**
 * One kind of service: how it is reached, opened, diagnosed and cleaned. A file in helpers/connect/ exports one as `service`;
 * its client library is imported inside the functions, so that knowing a service costs nothing until it is used.
 */
export interface Service<Name extends string = string, Client extends AsyncDisposable = AsyncDisposable> {
  readonly type: Name;
  readonly title: string;
  readonly unit: Component['unit'];
  /** Parts of it that are promised and counted apart, such as fe and be: its size is a map then. */
  readonly roles?: readonly string[];
  /** Weight of a component of this type where the phase file gives none. */
  readonly weight: number;
  /** Endpoint names with the port that is assumed where the phase file gives a bare host; null: the port must be given. */
  readonly endpoints: {
    readonly [name: string]: { readonly port: number | null; readonly about: string; readonly optional?: true };
  };
  /** Types that it can't work without. */
  readonly needs: readonly string[];
  /** Id of the check that preflight answers. */
  readonly door: string;
  /** The keys that a phase file may give for this type, each with `.describe()`. */
  readonly settings: z.ZodObject;
  /** What of the cluster's objects is judged, for a kind of service that is looked at through the Kubernetes API. */
  readonly census?: (component: Component) => Wanted;
  /** One protocol exchange with every declared endpoint, concurrently, each within the connect budget. Never throws for what the wire says. */
  knock(target: Target, signal: AbortSignal): Promise<Knock>;
  open(target: Target, signal: AbortSignal): Promise<Client>;
  /** What this error means, in the service's own terms; null: not one of this service's. */
  diagnose(error: unknown, target: Target): Diagnosis | null;
  /** Removes what the entries name, waits until it is gone, and tells of each that is left. What does not exist is removed. */
  sweep(client: Client, entries: readonly ScratchEntry[], signal: AbortSignal): Promise<readonly Left[]>;
  /** Names of all objects of the kinds that checks create, whoever made them: among them may be leftovers whose ledger is lost. */
  present(client: Client, signal: AbortSignal): Promise<readonly { kind: string; name: string }[]>;
}
