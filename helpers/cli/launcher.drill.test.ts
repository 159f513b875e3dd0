import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import kafkajs from 'kafkajs';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { pauseProcess } from '../../fixtures/faults/process.ts';
import type { Evidence, Report } from '../../reports/model.ts';
import { ROOT } from '../catalogue.ts';
import { until } from '../poll.ts';
import { scratchOwner } from '../scratch.ts';
import { quietWarnings } from '../warnings.ts';
import './test.ts';

/** The launcher from outside, on the running local platform: what a CI job, a person at a terminal and a kill -9 see of it. */

const local = inject('local');
const LOCAL = 'fixtures/phases/local.yaml';

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly ms: number;
}

function launch(
  args: readonly string[],
  env: Record<string, string> = {},
): { child: ChildProcess; ended: Promise<Ended> } {
  const began = performance.now();
  const child = spawn(process.execPath, ['helpers/cli/main.ts', ...args], {
    cwd: ROOT,
    env: { ...local.env, ...env },
    stdio: 'pipe',
  });
  const text = { stdout: '', stderr: '' };
  for (const channel of ['stdout', 'stderr'] as const)
    child[channel]?.on('data', (chunk) => {
      text[channel] += chunk;
    });
  const ended = once(child, 'close').then(([code]) => ({ code, ...text, ms: performance.now() - began }));
  return { child, ended };
}

const gate = (out: string, ...more: string[]): Promise<Ended> => gateOf(LOCAL, out, ...more);

const gateOf = (phase: string, out: string, ...more: string[]): Promise<Ended> =>
  launch(['gate', '--phase', phase, '--out', out, ...more]).ended;

/** The local phase with these components alone, for what does not hang on how many there are. */
function phaseOf(...components: string[]): string {
  const phase = parse(readFileSync(join(ROOT, LOCAL), 'utf8'));
  const kept = Object.fromEntries(components.map((id) => [id, phase.components[id]]));
  const file = join(folder(), 'small.yaml');
  writeFileSync(file, stringify({ ...phase, components: kept, goals: {} }));
  return file;
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'assay-drill-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const read = <T>(out: string, name: string): T => JSON.parse(readFileSync(join(out, name), 'utf8'));

const pidOf = (name: string): number => local.processes.kafka?.[name] as number;

quietWarnings();
const kafka = new kafkajs.Kafka({
  brokers: local.env.KAFKA_BOOTSTRAP?.split(',') ?? [],
  logLevel: kafkajs.logLevel.NOTHING,
});
const admin = kafka.admin();

/** Names of topics and groups that a run of ours made. */
async function scratch(): Promise<string[]> {
  const [topics, { groups }] = await Promise.all([admin.listTopics(), admin.listGroups()]);
  return [...topics, ...groups.map(({ groupId }) => groupId)].filter((name) => scratchOwner(name) !== null);
}

const wholeAgain = (): Promise<true> =>
  until(
    async () => {
      const [{ brokers }, { topics }] = await Promise.all([admin.describeCluster(), admin.fetchTopicMetadata()]);
      const short = topics
        .flatMap((topic) => topic.partitions)
        .some(({ isr, replicas }) => isr.length < replicas.length);
      return brokers.length === 3 && !short ? true : undefined;
    },
    AbortSignal.timeout(40_000),
    200,
  );

beforeAll(() => admin.connect());
afterAll(() => admin.disconnect());

describe('a healthy platform', () => {
  test('passes with 100.0, cleans up, and takes no longer than its longest chain asks for', async () => {
    let best = Number.POSITIVE_INFINITY;
    for (let attempt = 0; attempt < 3 && best > 0; attempt++) {
      const out = folder();
      const { code, stdout } = await gate(out);
      expect(code, stdout).toBe(0);
      const report = read<Report>(out, 'report.json');
      expect(report).toMatchObject({
        verdict: 'pass',
        score: { value: 100 },
        cleanup: { left: [] },
        run: { scope: null },
      });
      const { timing } = read<Evidence>(out, 'evidence.json');
      best = Math.min(best, (timing?.wallMs ?? 0) - (1.3 * (timing?.longestChain.ms ?? 0) + 1_000));
    }
    expect(best, 'milliseconds over 1.3 times the longest chain and a second').toBeLessThanOrEqual(0);
    expect(await scratch()).toEqual([]);
  });

  test('leaves a report headed PARTIAL when only a level is asked for', async () => {
    const out = folder();
    const { code, stdout } = await gate(out, '--level', 'reach');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^PARTIAL/);
    expect(read<Report>(out, 'report.json').run.scope).toMatchObject({ levels: ['reach'] });
  });

  test('is not written to by a read-only run, which keeps the points of what it did not ask', async () => {
    const out = folder();
    const { code } = await gate(out, '--read-only');
    expect(code).toBe(1);
    const checks = read<Report>(out, 'report.json').components.flatMap((component) => component.checks);
    const writing = checks.find(({ id }) => id === 'kafka.topic.round-trip');
    expect(writing).toMatchObject({ status: 'unobserved', earned: 0 });
    expect(writing?.points).toBeGreaterThan(0);
    expect(read<Report>(out, 'report.json').cleanup.created).toBe(0);
  });

  test('prints nothing but report.json with --json', async () => {
    const out = folder();
    const { stdout } = await gateOf(phaseOf('neo4j'), out, '--json');
    expect(JSON.parse(stdout)).toEqual(read(out, 'report.json'));
  });
});

describe('a sick platform', () => {
  test('one paused broker: failed, the broker named once with its remedy and its points', async () => {
    const out = folder();
    {
      await using _paused = await pauseProcess(pidOf('kafka-2'));
      const { code, stdout } = await gate(out, '--only', 'kafka');
      expect(code, stdout).toBe(1);
    }
    const { fixFirst } = read<Report>(out, 'report.json');
    expect(fixFirst.map(({ rootCause }) => rootCause)).toEqual([expect.stringContaining('broker 2')]);
    expect(fixFirst[0]?.pointsAtStake).toBeGreaterThan(0);
    expect(fixFirst[0]?.remedy).not.toBe('');
    await wholeAgain();
  });

  test('all brokers paused: failed in under ten seconds, everything blocked by the door', async () => {
    const out = folder();
    const paused = await Promise.all(['kafka-1', 'kafka-2', 'kafka-3'].map((name) => pauseProcess(pidOf(name))));
    try {
      const { code, ms } = await gate(out, '--only', 'kafka');
      expect(code).toBe(1);
      expect(ms).toBeLessThan(10_000);
    } finally {
      for (const each of paused) await each[Symbol.asyncDispose]();
    }
    const component = read<Report>(out, 'report.json').components.find(({ id }) => id === 'kafka');
    expect(component?.checks.map(({ status }) => status)).toEqual([
      'failed',
      ...Array((component?.checks.length ?? 1) - 1).fill('blocked'),
    ]);
    await wholeAgain();
  });

  test('closed ports: score 0.0, coverage of the doors only, in under ten seconds', async () => {
    const out = folder();
    const ports = '127.0.0.1:1,127.0.0.1:2,127.0.0.1:3';
    const { code, ms } = await launch(['gate', '--phase', LOCAL, '--out', out, '--only', 'kafka'], {
      KAFKA_SASL_BOOTSTRAP: ports,
    }).ended;
    expect(code).toBe(1);
    expect(ms).toBeLessThan(10_000);
    const { score, components } = read<Report>(out, 'report.json');
    const door = components.find(({ id }) => id === 'kafka')?.checks.find(({ id }) => id === 'kafka.reach.bootstrap');
    expect(score.value).toBe(0);
    expect(score.coverage).toBe(Math.floor((door?.points ?? 0) * 10) / 10);
  });

  test('a wrong password: failed as authentication, and the password is in no byte of any output', async () => {
    const out = folder();
    const canary = 'canary-P@ss/word+"<1>&';
    const { code, stdout, stderr } = await launch(['gate', '--phase', LOCAL, '--out', out, '--only', 'kafka'], {
      KAFKA_PASSWORD: canary,
    }).ended;
    expect(code).toBe(1);
    expect(read<Report>(out, 'report.json').fixFirst[0]?.class).toBe('authentication');
    const everything = [
      stdout,
      stderr,
      ...readdirSync(out).map((name) => readFileSync(join(out, name), 'latin1')),
    ].join('\n');
    const forms = [
      canary,
      encodeURIComponent(canary),
      JSON.stringify(canary).slice(1, -1),
      Buffer.from(canary).toString('base64'),
      Buffer.from(canary).toString('hex'),
      canary.replace(/&/g, '&amp;'),
    ];
    for (const form of forms) expect(everything.includes(form), form).toBe(false);
  });
});

describe('a run that does not come to its end', () => {
  test('Ctrl-C: no verdict, exit 3, everything removed', async () => {
    const out = folder();
    const { child, ended } = launch(['gate', '--phase', LOCAL, '--out', out]);
    child.stderr?.on('data', (chunk) => {
      if (String(chunk).includes('preflight')) setTimeout(() => child.kill('SIGINT'), 300);
    });
    const { code, stdout } = await ended;
    expect(code, stdout).toBe(3);
    expect(read<Evidence>(out, 'evidence.json').run).toMatchObject({ complete: false, cut: 'interrupted by SIGINT' });
    expect(await scratch()).toEqual([]);
  });

  test('a deadline that passes: no verdict, exit 3, with what was seen until then', async () => {
    const out = folder();
    const { code, stdout } = await gate(out, '--deadline', '0.9s');
    expect(code).toBe(3);
    expect(stdout).toMatch(/^NO VERDICT/);
    expect(read<Evidence>(out, 'evidence.json').doors.length).toBeGreaterThan(0);
  });

  test('kill -9 at ten moments: the next run removes what was left, and nothing that only looks alike', async () => {
    const bystander = 'assay-20261124120000-beef-000000-kafka-records';
    const phase = phaseOf('kafka');
    await admin.createTopics({ topics: [{ topic: bystander }] });
    onTestFinished(() => admin.deleteTopics({ topics: [bystander] }));
    for (let moment = 1; moment <= 10; moment++) {
      const out = folder();
      const { child, ended } = launch(['gate', '--phase', phase, '--out', out]);
      await delay(moment * 400);
      child.kill('SIGKILL');
      await ended;
      if (!readdirSync(out).includes('evidence.json')) continue;
      const { run } = read<Evidence>(out, 'evidence.json');
      const finished = readdirSync(out).includes('report.md');
      if (!finished) expect(run).toMatchObject({ complete: false, cut: expect.any(String) });
    }
    const { code, stdout } = await gateOf(phase, folder());
    expect(code, stdout).toBe(0);
    expect(await scratch()).toEqual([]);
    expect(await admin.listTopics()).toContain(bystander);
  });
});

/** Nothing listens there. */
const CLOSED = { NEO4J_BOLT: '127.0.0.1:1', NEO4J_HTTP: '127.0.0.1:2' };

describe('a gate beside its past', () => {
  test('--list says what would be asked, and asks nothing', async () => {
    const out = folder();
    const { code, stdout } = await gate(out, '--list', '--read-only');
    expect(code).toBe(0);
    expect(stdout).toContain(' + kafka.reach.bootstrap (reach)');
    expect(stdout).toMatch(/ - kafka\.topic\.create .*: writes topic: not in a read-only run/);
    expect(readdirSync(out)).toEqual([]);
  });

  test('--snapshot keeps the state before the phase; a check that breaks after it closes the gate, and the trend has both runs', async () => {
    const out = folder();
    const phase = phaseOf('neo4j', 'elasticsearch');
    expect((await gateOf(phase, out, '--snapshot')).code).toBe(0);
    const { code } = await launch(['gate', '--phase', phase, '--out', out], CLOSED).ended;
    expect(code).toBe(1);
    const { comparison, gate: rules, trend } = read<Report>(out, 'report.json');
    expect(comparison).toMatchObject({ comparable: true, verdict: 'pass', score: { value: 100 } });
    expect(comparison?.broken.length).toBeGreaterThan(0);
    expect(rules.find(({ rule }) => rule.startsWith('no regression'))?.passed).toBe(false);
    expect(trend.map(({ score }) => score)).toEqual([100]);
  });

  test('--adopt writes waivers that the phase file takes', async () => {
    const out = folder();
    const phase = phaseOf('neo4j', 'elasticsearch');
    await launch(['gate', '--phase', phase, '--out', out, '--adopt'], CLOSED).ended;
    const adopted = join(out, 'adopted.yaml');
    writeFileSync(adopted, readFileSync(phase, 'utf8') + readFileSync(join(out, 'waivers.yaml'), 'utf8'));
    const { code, stderr } = await launch(['gate', '--phase', adopted, '--list']).ended;
    expect(code, stderr).toBe(0);
  });

  test('--evidence minimal leaves no address of the platform in any file', async () => {
    const out = folder();
    expect((await gateOf(phaseOf('neo4j', 'elasticsearch'), out, '--evidence', 'minimal')).code).toBe(0);
    const everything = readdirSync(out)
      .map((name) => readFileSync(join(out, name), 'utf8'))
      .join('\n');
    for (const name of ['NEO4J_BOLT', 'NEO4J_HTTP', 'ELASTICSEARCH_HTTP'])
      expect(everything.includes(local.env[name] as string), name).toBe(false);
  });

  test('shards are merged to what one run says; a missing one is refused', async () => {
    const out = folder();
    const phase = phaseOf('neo4j', 'elasticsearch');
    for (const shard of ['1', '2'])
      expect((await gateOf(phase, join(out, shard), '--shard', `${shard}/2`)).code).toBe(0);
    expect((await launch(['report', 'merge', out]).ended).code).toBe(0);
    const merged = read<Report>(out, 'report.json');
    expect(merged).toMatchObject({ verdict: 'pass', run: { scope: null } });
    expect(merged.components.map(({ status }) => status)).toEqual(['Complete', 'Complete']);
    const half = folder();
    cpSync(join(out, '1'), join(half, '1'), { recursive: true });
    const { code, stderr } = await launch(['report', 'merge', half]).ended;
    expect(code).toBe(2);
    expect(stderr).toContain('shard 2 of 2 is missing');
  });
});

describe('wrong usage', () => {
  test.each([
    ['an unknown command', ['gaet'], 'unknown command gaet'],
    ['an unknown flag', ['gate', '--phaze', 'x'], 'unknown flag --phaze. Did you mean --phase?'],
    ['no phase file', ['gate'], 'gate needs --phase FILE'],
    ['a phase file that is not there', ['gate', '--phase', 'nowhere.yaml'], 'nowhere.yaml'],
    ['a component that the phase has not', ['gate', '--phase', LOCAL, '--only', 'kafak'], 'Did you mean kafka?'],
    ['a level that there is not', ['gate', '--phase', LOCAL, '--level', 'raech'], 'Did you mean reach?'],
    ['a time that is none', ['gate', '--phase', LOCAL, '--wait', '10'], 'Write it like 90s, 10m or 1h30m'],
    ['a suite that there is not', ['test', 'suites/kafak'], 'there is no suites/kafak'],
    [
      'a folder that can not be written to',
      ['gate', '--phase', LOCAL, '--out', '/dev/null/out'],
      'can not be written to',
    ],
    ['a baseline that is a folder', ['gate', '--phase', LOCAL, '--baseline', 'reports'], 'reports: can not be read'],
    ['a flag that the command has no use for', ['prove', '--json'], 'prove does not take --json'],
    ['a shard that is none', ['gate', '--phase', LOCAL, '--shard', '3/2'], 'write it like 1/4'],
    ['evidence that is none', ['report', 'render', 'package.json'], 'package.json: '],
  ])('%s: one clear line, exit 2, no stack', async (_, args, expected) => {
    const { code, stdout, stderr } = await launch(args).ended;
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toContain(expected);
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  test('another time than now for a platform that is not ours', async () => {
    const file = join(folder(), 'today.yaml');
    writeFileSync(
      file,
      'schemaVersion: 1\nid: x\nname: X\ntarget: { name: t }\ncomponents: { kafka: { brokers: 3, endpoint: "127.0.0.1:1" } }\n',
    );
    const { code, stderr } = await launch(['gate', '--phase', file, '--now', '2025-10-24T04:35:00Z']).ended;
    expect(code).toBe(2);
    expect(stderr).toContain('is of a platform that is what it is today');
  });

  test('a local phase without components', async () => {
    const file = join(folder(), 'empty.yaml');
    writeFileSync(
      file,
      'schemaVersion: 1\nid: x\nname: X\nlocal: true\ntarget: { name: t, path: loopback }\ncomponents:\n',
    );
    const { code, stderr } = await launch(['start', '--phase', file]).ended;
    expect(code).toBe(2);
    expect(stderr).toMatch(/empty\.yaml:6:\d+ +components/);
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  test('a phase file with errors: each with its line and mend', async () => {
    const file = join(folder(), 'bad.yaml');
    writeFileSync(
      file,
      'schemaVersion: 1\nid: x\nname: X\ntarget: { name: t }\ncomponents:\n  kafka:\n    brokers: three\n    endpint: a:1\n',
    );
    const { code, stderr } = await launch(['gate', '--phase', file]).ended;
    expect(code).toBe(2);
    expect(stderr).toMatch(/bad\.yaml:7:\d+ /);
    expect(stderr).toMatch(/bad\.yaml:8:\d+ .*endpoint/);
  });
});

test('report render writes the same bytes from the same evidence, without a platform', async () => {
  const out = folder();
  await gateOf(phaseOf('neo4j'), out);
  const before = ['report.json', 'report.md', 'junit.xml'].map((name) => readFileSync(join(out, name), 'utf8'));
  const { code } = await launch(['report', 'render', join(out, 'evidence.json')]).ended;
  expect(code).toBe(0);
  expect(['report.json', 'report.md', 'junit.xml'].map((name) => readFileSync(join(out, name), 'utf8'))).toEqual(
    before,
  );
});
