/**
 * The vocabulary of the whole project: what was promised (phase), what was seen (evidence), what follows from both (report).
 * No string of it is spelled anywhere else, and a state that must not exist can't be written down:
 * a pass without an observation, a blocked check without its blocker, a skip without its predicate do not type-check.
 */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Levels order and weigh; they never gate. The numbers are the level's share of a component, out of 100. */
export const LEVEL_WEIGHTS = {
  reach: 5,
  serve: 15,
  'round-trip': 25,
  semantics: 15,
  durability: 15,
  availability: 10,
  security: 10,
  performance: 3,
  hygiene: 2,
} as const;
export type Level = keyof typeof LEVEL_WEIGHTS;
export const LEVELS = Object.keys(LEVEL_WEIGHTS) as [Level, ...Level[]];

export const STATUSES = ['passed', 'failed', 'blocked', 'unobserved', 'deferred', 'skipped'] as const;
export type Status = (typeof STATUSES)[number];

export const COMPONENT_STATUSES = [
  'Not Observed',
  'Complete',
  'Deferred',
  'Blocked',
  'Not Deployed',
  'In Progress',
  'Failed',
] as const;
export type ComponentStatus = (typeof COMPONENT_STATUSES)[number];

export const VERDICTS = ['pass', 'fail', 'no-verdict'] as const;
export type Verdict = (typeof VERDICTS)[number];

/** What kind of thing is at the root. `our-side` is never the platform's fault and never a pass. */
export const CAUSE_CLASSES = [
  'image-unavailable',
  'admission-denied',
  'unschedulable',
  'volume',
  'crash',
  'name-resolution',
  'refused',
  'unreachable',
  'tls',
  'authentication',
  'authorization',
  'wrong-product',
  'not-deployed',
  'quorum-lost',
  'not-redundant',
  'misconfigured',
  'data-wrong',
  'slow',
  'unexplained',
  'our-side',
] as const;
export type CauseClass = (typeof CAUSE_CLASSES)[number];

/** Worded for the person on call: what is wrong, what mends it, and the very thing that was seen. */
export interface Diagnosis {
  readonly class: CauseClass;
  readonly cause: string;
  readonly remedy: string;
  readonly evidence: string;
  /**
   * The thing at fault, where it is narrower than the component: `broker 2`. Failures of one component that name the same
   * subject are one root cause with many symptoms.
   */
  readonly subject?: string;
  /** The subject is a thing of the cluster, such as an image: whichever component suffers from it, it is the same root cause. */
  readonly shared?: true;
}

/** What a check saw. Facts only: offsets, rows, ids, counts. Must have at least one entry to count as an observation. */
export type Observation = { readonly [fact: string]: Json };

export interface CheckRef {
  readonly component: string;
  readonly check: string;
}

/** What one run of one check came to. `deferred` is not among them: a waiver is applied when the evidence is judged. */
export type Outcome =
  | {
      readonly status: 'passed';
      readonly observed: Observation;
      /** Share of the points earned, in thousandths. 1000 except for a performance check between target and limit. */
      readonly earned: number;
    }
  | { readonly status: 'failed'; readonly diagnosis: Diagnosis; readonly observed: Observation | null }
  | { readonly status: 'blocked'; readonly by: CheckRef }
  | { readonly status: 'unobserved'; readonly diagnosis: Diagnosis; readonly notSelected?: true }
  | { readonly status: 'skipped'; readonly predicate: { readonly name: string; readonly value: Json } };

/** One check as its suite declares it. The catalogue is the list of these; it is frozen in suites/<type>/catalogue.json. */
export interface CatalogueCheck {
  readonly id: string;
  readonly level: Level;
  readonly claim: string;
  /** Ids of this component that must have passed first. */
  readonly needs: readonly string[];
  /** Kinds of scratch object that the check creates. Empty: it only reads. */
  readonly writes: readonly string[];
  /** Disturbs the platform; declared only in runs with --disrupt. */
  readonly disruptive: boolean;
}

/** Catalogue by component type. */
export type Catalogue = { readonly [type: string]: readonly CatalogueCheck[] };

export const PATHS = ['in-cluster', 'direct', 'port-forward', 'ingress', 'loopback'] as const;
export type Path = (typeof PATHS)[number];

export interface Endpoint {
  readonly logical: string;
  readonly dialled: string;
  readonly path: Path;
}

export type Stance = 'real' | 'double';

/** Where a secret is, never what it is. */
export type SecretRef = { readonly env: string } | { readonly file: string };

export interface Credentials {
  readonly user: string;
  readonly password: SecretRef;
  /** Client mechanism where the service has several, such as SCRAM-SHA-512. */
  readonly mechanism?: string;
}

export interface Tls {
  /** Path of a PEM file with the authority that signed the service's certificate; absent: the system's authorities. */
  readonly ca?: string;
  readonly servername?: string;
}

/** Which cluster a phase is of, and how its API is reached. Holds no secret. */
export interface ClusterRef {
  /** Path of the kubeconfig; null: what kubectl takes, which in a pod is the pod's own service account. */
  readonly kubeconfig: string | null;
  /** Null: the kubeconfig's current one. */
  readonly context: string | null;
  /** uid of the namespace kube-system, by which a cluster is known; null: any. */
  readonly uid: string | null;
}

export interface WorkloadRef {
  readonly namespace: string;
  /** The Service in front of them; null: the phase names none. */
  readonly service: string | null;
  /** Labels that its pods have; null: known by the labels and names that charts and operators give. */
  readonly selector: { readonly [label: string]: string } | null;
}

/** One promised service, every default filled in. `settings` are the keys that only its type knows. */
export interface Component {
  readonly id: string;
  readonly type: string;
  readonly title: string;
  readonly required: boolean;
  readonly weight: number;
  readonly needs: readonly string[];
  readonly owner: string | null;
  readonly runbook: string | null;
  /** Promised size in `unit`; null where the phase promises none. */
  readonly target: number | null;
  readonly unit: 'pods' | 'brokers' | 'nodes';
  /** The target by role, where the type counts its roles apart. The target is their sum. */
  readonly roles?: { readonly [role: string]: number };
  readonly stance: Stance;
  /** host:port lists or URLs by endpoint name. */
  readonly endpoints: { readonly [name: string]: readonly string[] };
  readonly tls: Tls | null;
  readonly credentials: Credentials | null;
  /** Where its pods are in the phase's cluster; absent: the phase does not say. */
  readonly workload?: WorkloadRef;
  readonly settings: { readonly [key: string]: Json };
}

export interface GateRules {
  /** Least score, 0 to 100. */
  readonly score: number;
  /** Least coverage, 0 to 100. */
  readonly coverage: number;
  /** Least platform health in percent; null: the phase does not ask for it. */
  readonly health: number | null;
  /** Levels in which a required component may have nothing failed, blocked or unobserved. */
  readonly requiredLevels: readonly Level[];
  /** Most checks that may pass only after a retry; null: any number. */
  readonly flaky: number | null;
  /** True: no check that held in a comparable baseline may fail now. */
  readonly noRegression: boolean;
}

export interface Waiver {
  /** A check id, or a prefix that ends in `.*`. */
  readonly checks: string;
  /** Components that are waived where what this waiver matches blocks them. */
  readonly covers: readonly string[];
  readonly reason: string;
  readonly owner: string;
  readonly approver: string | null;
  /** ISO 8601 date (the whole day, UTC) or date-time. */
  readonly expires: string;
}

/** The promise, resolved: overlays applied, references checked, defaults filled in. Holds no secret. */
export interface Phase {
  readonly schemaVersion: 1;
  readonly id: string;
  readonly name: string;
  readonly file: string;
  readonly sha256: string;
  readonly environment: string | null;
  /** Aims at the platform that this suite starts itself: the only one in which doubles may stand in. */
  readonly local: boolean;
  /** The phase allows scratch objects on its platform. */
  readonly writes: boolean;
  readonly target: { readonly name: string; readonly path: Path; readonly revision: string | null };
  /** Absent: no component is looked at through a Kubernetes API. */
  readonly cluster?: ClusterRef;
  readonly components: readonly Component[];
  readonly gate: GateRules;
  readonly waivers: readonly Waiver[];
  /** Goal name to the component ids whose targets it sums. */
  readonly goals: { readonly [goal: string]: readonly string[] };
  /** ISO 8601; what was in its state before is "already there". */
  readonly starts: string | null;
  /** Pods before the phase, counted by hand; a baseline report says more. */
  readonly before: { readonly ready: number; readonly desired: number } | null;
  /** Steps of the phase by name. A component that the phase does not promise has not begun. */
  readonly stages: { readonly [stage: string]: { readonly of: readonly string[]; readonly estimate: string | null } };
  readonly notes: string | null;
}

/** What the phase's run looked at, where it was not all of it. */
export interface Scope {
  readonly only: readonly string[];
  readonly levels: readonly Level[];
  /** Check ids or parts of them, from `-t`. */
  readonly names: readonly string[];
}

export interface CheckRecord {
  readonly component: string;
  readonly check: string;
  readonly outcome: Outcome;
  readonly attempts: number;
  /** Milliseconds in the body, waiting for the limiter and for needs left out. */
  readonly durationMs: number;
  /** Milliseconds after the run's start at which the body began. */
  readonly startedMs: number;
}

/** What preflight saw at one component's door, before any check ran. */
export interface DoorRecord {
  readonly component: string;
  readonly state: 'open' | 'closed' | 'unobserved';
  /** Id of the check that reports this door. */
  readonly check: string;
  readonly diagnosis: Diagnosis | null;
  readonly endpoints: readonly Endpoint[];
  readonly version: string | null;
  /** Size observed, in the component's unit. */
  readonly achieved: number | null;
  /** Size observed by role, where the type counts its roles apart; more than promised is left out of `achieved`. */
  readonly roles?: { readonly [role: string]: number };
  readonly observed: Observation;
  /** What the cluster shows of its pods; absent: nobody looked. */
  readonly workload?: Observation;
  readonly durationMs: number;
}

/** A failure of the harness itself. One of these and the run has no verdict. */
export interface Problem {
  readonly where: string;
  readonly what: string;
  readonly remedy: string;
}

export interface Cleanup {
  readonly created: number;
  readonly removed: number;
  readonly left: readonly {
    readonly component: string;
    readonly kind: string;
    readonly name: string;
    readonly why: string;
  }[];
}

/** Everything that was seen in one run. The report is a pure function of it (and of a baseline report). */
export interface Evidence {
  readonly schemaVersion: 1;
  readonly tool: { readonly name: string; readonly version: string; readonly catalogue: string };
  readonly run: {
    readonly id: string;
    readonly startedAt: string;
    readonly finishedAt: string | null;
    readonly durationMs: number;
    readonly complete: boolean;
    /** Why the run is not complete, in words; null when it is. */
    readonly cut: string | null;
    readonly readOnly: boolean;
    readonly disrupt: boolean;
    readonly scope: Scope | null;
    /** Which part of the components this run looked at, of how many parts; null: not sharded. */
    readonly shard: { readonly index: number; readonly of: number } | null;
  };
  readonly phase: Phase;
  readonly catalogue: Catalogue;
  readonly doors: readonly DoorRecord[];
  readonly checks: readonly CheckRecord[];
  readonly health: { readonly ready: number; readonly desired: number } | null;
  /** The cluster that was looked at; absent: none was. */
  readonly cluster?: { readonly uid: string | null; readonly version: string };
  readonly cleanup: Cleanup | null;
  readonly problems: readonly Problem[];
  /** What the run is seen beside. In the evidence, so that it renders to the same bytes wherever it is taken. */
  readonly past: {
    readonly baseline: Baseline | null;
    /** Earlier full runs of the same phase and catalogue, oldest first. */
    readonly trend: readonly TrendPoint[];
  };
  readonly timing: {
    readonly preflightMs: number;
    /** The chain of needs with the greatest sum of durations, preflight first. */
    readonly longestChain: { readonly checks: readonly string[]; readonly ms: number };
    readonly wallMs: number;
  } | null;
}

export interface ReportCheck {
  readonly id: string;
  readonly level: Level;
  readonly claim: string;
  readonly status: Status;
  readonly points: number;
  readonly earned: number;
  readonly durationMs: number;
  readonly flaky: boolean;
  /** `component/check` of the first ancestor that did not pass. */
  readonly blockedBy: string | null;
  readonly diagnosis: Diagnosis | null;
  readonly observed: Observation | null;
  /** The predicate that made it not applicable, as `name = value`. */
  readonly skippedBecause: string | null;
  /** Start of the first run, in a row of baselines, in which it did not hold; null while it holds. */
  readonly failingSince: string | null;
  /** The command that asks this check alone. */
  readonly reproduce: string;
}

export interface ReportComponent {
  readonly id: string;
  readonly type: string;
  readonly title: string;
  readonly required: boolean;
  readonly weight: number;
  readonly earned: number;
  /** Points of 100 that the component declares in this run. */
  readonly points: number;
  readonly status: ComponentStatus;
  /**
   * Since when its pods are ready, as the cluster says; else the start of the first run, in a row of baselines, in which it had this status; null:
   * neither is known.
   */
  readonly since: string | null;
  readonly owner: string | null;
  readonly runbook: string | null;
  readonly endpoints: readonly Endpoint[];
  /** Claims of its pods as the cluster shows them: name, phase, size, class. */
  readonly storage: readonly string[];
  readonly target: number | null;
  readonly achieved: number | null;
  readonly unit: Component['unit'];
  /** Where the type counts its roles apart, such as fe and be. */
  readonly roles?: { readonly [role: string]: { readonly target: number | null; readonly achieved: number | null } };
  readonly version: string | null;
  readonly stance: Stance;
  readonly blockedBy: string | null;
  readonly checks: readonly ReportCheck[];
}

export interface GateLine {
  readonly rule: string;
  readonly observed: string;
  readonly passed: boolean;
}

export interface FixFirst {
  readonly rootCause: string;
  readonly class: CauseClass;
  readonly component: string;
  readonly pointsAtStake: number;
  readonly scoreIfMended: number;
  /** `component/check` of all that would run or hold again. */
  readonly blocks: readonly string[];
  readonly remedy: string;
  readonly evidence: string;
}

export interface LedgerLine {
  readonly component: string;
  readonly check: string;
  readonly points: number;
  readonly status: Status;
  readonly cause: string;
}

export interface ReportWaiver {
  readonly checks: string;
  readonly covers: readonly string[];
  readonly reason: string;
  readonly owner: string;
  readonly approver: string | null;
  readonly expires: string;
  readonly expired: boolean;
  /** Since when everything that it matches holds; null while it is needed. */
  readonly staleSince: string | null;
  readonly points: number;
}

/** As much of an earlier report as a later one is compared with. */
export interface Baseline {
  readonly tool: Report['tool'];
  readonly run: Pick<Report['run'], 'id' | 'startedAt' | 'complete' | 'readOnly' | 'scope'>;
  readonly phase: Pick<Report['phase'], 'id' | 'sha256'>;
  readonly verdict: Verdict;
  readonly score: Report['score'];
  readonly health: Report['health'];
  readonly components: readonly (Pick<ReportComponent, 'id' | 'weight' | 'status' | 'since' | 'achieved' | 'earned'> & {
    readonly checks: readonly Pick<ReportCheck, 'id' | 'status' | 'failingSince'>[];
  })[];
  readonly waivers: readonly Pick<ReportWaiver, 'checks' | 'reason' | 'staleSince'>[];
}

/** This run against an earlier one, by component id and check id. */
export interface Comparison {
  readonly baseline: string;
  readonly startedAt: string;
  readonly verdict: Verdict;
  readonly score: Report['score'];
  readonly health: Report['health'];
  /** What its components were then, by id. */
  readonly components: {
    readonly [id: string]: {
      readonly status: ComponentStatus;
      readonly achieved: number | null;
      readonly earned: number;
    };
  };
  readonly comparable: boolean;
  /** Why the two can't be compared: the catalogue, the weights, the scope or the phase changed. */
  readonly why: readonly string[];
  readonly scoreDelta: number;
  readonly fixed: readonly string[];
  readonly broken: readonly string[];
  readonly new: readonly string[];
  readonly gone: readonly string[];
}

/** One run in the history of a phase. */
export interface TrendPoint {
  readonly run: string;
  readonly startedAt: string;
  readonly verdict: Verdict;
  readonly score: number;
  readonly coverage: number;
}

/** report.json, schema version 1. See reports/report.schema.json. */
export interface Report {
  readonly schemaVersion: 1;
  readonly tool: Evidence['tool'];
  readonly run: {
    readonly id: string;
    readonly startedAt: string;
    readonly finishedAt: string | null;
    readonly durationMs: number;
    readonly complete: boolean;
    readonly cut: string | null;
    readonly readOnly: boolean;
    readonly scope: Scope | null;
  };
  readonly target: {
    readonly name: string;
    readonly clusterUid: string | null;
    readonly kubernetes: string | null;
    readonly path: Path;
    readonly revision: string | null;
  };
  readonly phase: {
    readonly id: string;
    readonly name: string;
    readonly sha256: string;
    readonly starts: string | null;
  };
  readonly verdict: Verdict;
  readonly gate: readonly GateLine[];
  readonly score: {
    readonly value: number;
    readonly coverage: number;
    readonly quality: number;
    readonly attainable: number;
    readonly atBest: number;
  };
  readonly health: { readonly ready: number; readonly desired: number; readonly percent: number } | null;
  readonly components: readonly ReportComponent[];
  readonly fixFirst: readonly FixFirst[];
  readonly ledger: readonly LedgerLine[];
  readonly goals: readonly {
    readonly goal: string;
    readonly target: string;
    readonly achieved: string;
    readonly percent: number;
  }[];
  readonly stages: readonly {
    readonly stage: string;
    readonly of: readonly string[];
    readonly estimate: string | null;
    /** Share of its components' points that were earned; null: none of them is promised, it has not begun. */
    readonly percent: number | null;
  }[];
  /** Pods before the phase, counted by hand, as the phase file says. */
  readonly before: Phase['before'];
  /** Earlier full runs of the same phase and catalogue, oldest first. */
  readonly trend: readonly TrendPoint[];
  readonly argo: readonly { readonly application: string; readonly sync: string; readonly health: string }[];
  readonly waivers: readonly ReportWaiver[];
  readonly comparison: Comparison | null;
  readonly cleanup: Cleanup;
  readonly problems: readonly Problem[];
  readonly notes: string | null;
}
