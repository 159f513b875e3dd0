#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import { quietWarnings } from '../warnings.ts';
import { processOutput } from './output.ts';
import { UsageError } from './usage-error.ts';

type Command = (argv: readonly string[], output: ReturnType<typeof processOutput>) => Promise<number>;

/** Imported when asked for: a gate does not pay for the local platform's frame. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  start: async () => (await import('./start.ts')).start,
  test: async () => (await import('./test.ts')).test,
  gate: async () => (await import('./gate.ts')).gate,
  prove: async () => (await import('./prove.ts')).prove,
  local: async () => (await import('./local.ts')).localCommand,
  report: async () => (await import('./report.ts')).report,
  bench: async () => (await import('./bench.ts')).bench,
  catalogue: async () => (await import('./catalogue.ts')).catalogue,
};

// A part of a gate's own work is compiling what did not change since the last run. Workers find the cache by the variable.
const { directory } = enableCompileCache();
if (directory !== undefined) process.env.NODE_COMPILE_CACHE ??= directory;
quietWarnings();
const output = processOutput(process.env);
const [name = '', ...argv] = process.argv.slice(2);
try {
  const load = COMMANDS[name];
  if (!load)
    throw new UsageError(
      `${name === '' ? 'no command' : `unknown command ${name}`}. The commands are ${Object.keys(COMMANDS).join(', ')}.`,
    );
  const command = await load();
  process.exitCode = await command(argv, output);
} catch (error) {
  if (error instanceof UsageError) {
    for (const line of error.lines) output.progress(line);
    process.exitCode = 2;
  } else {
    output.progress(`the run broke: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    process.exitCode = 3;
  }
}
// Sockets of a client that hangs must not keep a finished run alive; what is written is on disk or with the pipe's reader.
await Promise.all([process.stdout, process.stderr].map((stream) => new Promise((done) => stream.write('', done))));
process.exit();
