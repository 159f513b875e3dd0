import { suite } from '../../helpers/check/suite.ts';
import { type Backend, column, deadBackend, notReady, type Row } from '../../helpers/connect/doris/answers.ts';
import { service, settingsOf } from '../../helpers/connect/doris.ts';

const check = suite(service);

/** A node is late when it was last heard of so long before the others. */
const LATE_MS = 60_000;
/** Journal entries by which a follower may trail the master: heartbeats alone write some in a minute. */
const TRAILING = 1_000;
const FULL_PERCENT = 80;

check(
  'doris.fe.reach',
  {
    level: 'reach',
    claim: 'Every FE greets as MySQL, lets our credentials in, is Doris, and has finished its start',
    otherwise: { class: 'unreachable', remedy: 'check the endpoints query and http in the phase file' },
  },
  async ({ door }) => door.observed,
);

check(
  'doris.operator.crs',
  {
    level: 'reach',
    claim: 'The operator serves its kind, and reports FE and BE of the DorisCluster as available with no member failed',
    otherwise: {
      class: 'misconfigured',
      remedy: 'kubectl describe the DorisCluster, then the pods and events of the members that it names',
    },
  },
  async ({ doris, component, signal, expect, fail, observe, skip }) => {
    const { dorisCluster } = settingsOf(component);
    const [api] = component.endpoints.operator ?? [];
    if (!dorisCluster || api === undefined) return skip('dorisCluster and its endpoint operator', null);
    const { groups } = (await doris.http(api, '/apis', signal)) as { groups?: ApiGroup[] };
    const group = groups?.find(({ name }) => name === 'doris.selectdb.com' || name === 'doris.apache.com');
    if (!group)
      return fail({
        class: 'not-deployed',
        cause: 'the Kubernetes API serves no kind of the Doris operator',
        remedy: 'apply the CRD of a pinned tag of doris-operator with --server-side; its file names have changed',
        evidence: `groups: ${groups?.map(({ name }) => name).join(', ')}`,
      });
    const { namespace, name } = dorisCluster;
    const kind = `/apis/${group.preferredVersion.groupVersion}/namespaces/${namespace}/dorisclusters/${name}`;
    const { status } = (await doris.http(api, kind, signal)) as { status?: Record<string, Members> };
    const parts = Object.entries({ FE: status?.feStatus, BE: status?.beStatus });
    for (const [role, members] of parts) {
      const phase = members?.componentCondition?.phase ?? null;
      observe({ [role]: { phase, running: members?.runningInstances?.length ?? 0 } });
      const failed = members?.failedInstances ?? [];
      if (failed.length > 0)
        fail({
          class: 'not-redundant',
          cause: `the operator counts ${failed.join(', ')} as failed`,
          evidence: JSON.stringify(members),
          ...(role === 'BE' && failed.length === 1 ? deadBackend(await doris.backends(signal)) : {}),
        });
      expect(members?.creatingInstances ?? [], `${role} pods that are still being created`).toEqual([]);
      expect(phase, `phase of the ${role}s`).toBe('available');
    }
    return { group: group.name };
  },
);

interface ApiGroup {
  readonly name: string;
  readonly preferredVersion: { readonly groupVersion: string };
}

interface Members {
  readonly creatingInstances?: readonly string[];
  readonly runningInstances?: readonly string[];
  readonly failedInstances?: readonly string[];
  readonly componentCondition?: { readonly phase?: string };
}

check(
  'doris.fe.health',
  {
    level: 'serve',
    claim: 'Every FE answers its health check with code 0, and counts all promised BEs as online',
    otherwise: {
      class: 'not-redundant',
      remedy: 'look at SHOW BACKENDS: a BE that is missing there was never added, one with Alive false has died',
    },
  },
  async ({ doris, component, signal, fail }) => {
    const promised = component.roles?.be ?? null;
    const seen = await Promise.all(
      (component.endpoints.http ?? []).map(async (address) => {
        const body = await doris.http(address, '/api/health', signal);
        if (body.code !== 0) return fail(notReady(`FE at ${address}`, body));
        const { online_backend_num: online = 0, total_backend_num: total = 0 } = body.data as Record<string, number>;
        const wanted = Math.max(total, promised ?? total);
        if (online < wanted || total > wanted)
          return fail({
            cause: `the FE at ${address} counts ${online} of ${wanted} BEs as online, ${total} are registered`,
            evidence: JSON.stringify(body),
            ...deadBackend(await doris.backends(signal)),
          });
        return [address, { online, total }] as const;
      }),
    );
    return Object.fromEntries(seen);
  },
);

check(
  'doris.be.health',
  {
    level: 'serve',
    claim: 'Every BE says OK in the body of its health check, as the status is 200 whatever it says',
    otherwise: { class: 'misconfigured', remedy: 'list each BE of the phase under endpoints.be' },
  },
  async ({ doris, component, signal, expect, fail }) => {
    const addresses = component.endpoints.be ?? [];
    if (component.roles?.be) expect(addresses.length, 'BE addresses in the phase file').toBe(component.roles.be);
    const seen = await Promise.all(
      addresses.map(async (address) => {
        const body = await doris.http(address, '/api/health', signal);
        if (body.status !== 'OK') return fail(notReady(`BE at ${address}`, body));
        return [address, body.status] as const;
      }),
    );
    return Object.fromEntries(seen);
  },
);

check(
  'doris.fe.topology',
  {
    level: 'availability',
    claim: 'The FEs have one master, all have joined and live, followers are odd in number and close behind it',
    otherwise: {
      class: 'not-redundant',
      remedy: 'look at the pod and fe.log of the FE in the evidence; two followers are no better than one',
    },
  },
  async ({ doris, component, signal, expect, fail, observe }) => {
    const rows = await doris.query('SHOW FRONTENDS', signal);
    const of = (row: Row, ...names: [string, ...string[]]): string => column(row, 'SHOW FRONTENDS', ...names);
    const masters = rows.filter((row) => of(row, 'IsMaster') === 'true');
    const followers = rows.filter((row) => of(row, 'Role') === 'FOLLOWER');
    const versions = [...new Set(rows.map((row) => of(row, 'Version')))];
    observe({ frontends: rows.length, followers: followers.length, masters: masters.length, versions });
    if (masters.length !== 1)
      fail({
        class: 'quorum-lost',
        cause: `the FEs have ${masters.length} masters`,
        remedy: 'bring a majority of the followers back; without one, recover the metadata of one FE',
        evidence: JSON.stringify(rows.map((row) => [of(row, 'Host', 'IP'), of(row, 'IsMaster'), of(row, 'Alive')])),
      });
    for (const row of rows) {
      const subject = `FE at ${of(row, 'Host', 'IP')}:${of(row, 'QueryPort')}`;
      if (of(row, 'Join') === 'true' && of(row, 'Alive') === 'true') continue;
      const evidence = `Join ${of(row, 'Join')}, Alive ${of(row, 'Alive')}: ${of(row, 'ErrMsg')}`;
      fail({ cause: `${subject} is not alive in the cluster`, evidence, subject });
    }
    if (component.roles?.fe) expect(rows.length, 'FEs in the cluster').toBe(component.roles.fe);
    expect(followers.length % 2, `remainder of ${followers.length} followers by two`).toBe(1);
    const journals = rows.map((row) => Number(of(row, 'ReplayedJournalId')));
    const behind = Math.max(...journals) - Math.min(...journals);
    expect(behind, 'journal entries between first and last FE').toBeLessThanOrEqual(TRAILING);
    expect(versions.length, `versions of the FEs: ${versions.join(', ')}`).toBe(1);
    return { behind };
  },
);

check(
  'doris.be.topology',
  {
    level: 'availability',
    claim:
      'As many BEs as promised are alive, take queries and loads, were heard of within a minute, and are of one version',
    otherwise: {
      class: 'not-redundant',
      remedy:
        'look at the pod and be.INFO of the BE in the evidence; vm.max_map_count under 2000000 ends a BE at its start',
    },
  },
  async ({ doris, component, signal, expect, fail, observe }) => {
    const all = await doris.backends(signal);
    const of = ({ row }: Backend, name: string): string => column(row, 'SHOW BACKENDS', name);
    const dead = all.filter(({ alive }) => !alive);
    const versions = [...new Set(all.map((each) => of(each, 'Version')))];
    observe({ backends: all.map(({ id, address }) => ({ id, address })), alive: all.length - dead.length, versions });
    const [first] = dead;
    if (first)
      fail({
        cause: `${all.length - dead.length} of ${all.length} BEs are alive; dead: ${dead.map(({ address }) => address).join(', ')}`,
        evidence: dead.map((each) => `${each.address}: ${of(each, 'ErrMsg') || 'no ErrMsg'}`).join('; '),
        ...deadBackend(all),
      });
    if (component.roles?.be) expect(all.length, 'BEs in the cluster').toBe(component.roles.be);
    const newest = Math.max(...all.map((each) => Date.parse(of(each, 'LastHeartbeat'))));
    for (const each of all) {
      const where = `of the BE at ${each.address}`;
      const status = JSON.parse(of(each, 'Status')) as Readonly<Record<string, unknown>>;
      expect(of(each, 'SystemDecommissioned'), `SystemDecommissioned ${where}`).toBe('false');
      expect(status.isQueryDisabled, `isQueryDisabled ${where}`).toBe(false);
      expect(status.isLoadDisabled, `isLoadDisabled ${where}`).toBe(false);
      expect(of(each, 'ErrMsg'), `ErrMsg ${where}`).toBe('');
      expect(of(each, 'HeartbeatFailureCounter'), `HeartbeatFailureCounter ${where}`).toBe('0');
      // Heartbeats are told in the time zone of the FE, so they are measured against each other.
      const late = newest - Date.parse(of(each, 'LastHeartbeat'));
      expect(late, `milliseconds since the heartbeat ${where}`).toBeLessThan(LATE_MS);
    }
    expect(versions.length, `versions of the BEs: ${versions.join(', ')}`).toBe(1);
    return { promised: component.roles?.be ?? null };
  },
);

check(
  'doris.be.capacity',
  {
    level: 'durability',
    claim: 'No disk of any BE is fuller than 80 %: loads fail and copies stop moving from 85 % on',
    otherwise: { class: 'volume', remedy: 'grow the volume of the BE, or ADMIN CLEAN TRASH' },
  },
  async ({ doris, signal, fail, skip }) => {
    if (doris.decoupled) return skip('storage', 'decoupled');
    const disks = (await doris.backends(signal)).map(({ address, row }) => ({
      address,
      used: Number.parseFloat(column(row, 'SHOW BACKENDS', 'MaxDiskUsedPct')),
      available: column(row, 'SHOW BACKENDS', 'AvailCapacity'),
    }));
    const full = disks.filter(({ used }) => !(used < FULL_PERCENT));
    const [first] = full;
    if (first)
      fail({
        cause: `the fullest disk of the BE at ${first.address} is ${first.used} % full`,
        evidence: full.map((each) => `${each.address}: ${each.used} %, ${each.available} available`).join('; '),
        ...(full.length === 1 ? { subject: `BE at ${first.address}` } : {}),
      });
    return Object.fromEntries(disks.map(({ address, used, available }) => [address, { used, available }]));
  },
);

check(
  'doris.security.root-password',
  {
    level: 'security',
    claim: 'Neither root nor admin is let in without a password, as a fresh installation lets them in',
    otherwise: {
      class: 'misconfigured',
      remedy:
        "SET PASSWORD FOR 'root' and 'admin', then update adminUser of the DorisCluster, or the operator is locked out",
    },
  },
  async ({ doris, signal, fail }) => {
    const users = ['root', 'admin'];
    const letIn = await Promise.all(users.map((user) => doris.letsIn({ user, password: '' }, signal)));
    const open = users.filter((_, at) => letIn[at]);
    if (open.length > 0)
      fail({
        cause: `${open.join(' and ')} ${open.length > 1 ? 'are' : 'is'} let in without a password`,
        evidence: `logged in as ${open.join(', ')} with an empty password`,
      });
    return { refused: users };
  },
);
