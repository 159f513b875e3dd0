import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Evidence } from '../reports/model.ts';
import type { Redactor } from './redact.ts';

/** Writes whole or not at all: a reader never sees half a file. */
export function writeAtomically(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  const draft = `${file}.${process.pid}.tmp`;
  writeFileSync(draft, text);
  renameSync(draft, file);
}

/** Points `latest` beside the folder at it. Where links can't be made, the folder is still there under its own name. */
export function pointLatest(out: string): void {
  const link = join(dirname(out), 'latest');
  try {
    rmSync(link, { force: true });
    symlinkSync(basename(out), link);
  } catch {
    rmSync(link, { force: true });
  }
}

export const evidenceText = (evidence: Evidence): string => `${JSON.stringify(evidence, null, 2)}\n`;

/** The one writer of evidence.json: everything goes through the redactor, at most one write in `throttleMs`. */
export class EvidenceFile {
  readonly file: string;
  #snapshot: () => Evidence;
  #redactor: Redactor;
  #timer: NodeJS.Timeout | null = null;
  #throttleMs: number;

  /** @param snapshot all that is known now */
  constructor(out: string, snapshot: () => Evidence, redactor: Redactor, throttleMs = 200) {
    this.file = join(out, 'evidence.json');
    this.#snapshot = snapshot;
    this.#redactor = redactor;
    this.#throttleMs = throttleMs;
  }

  /** Something new is known: it is on disk soon. */
  changed(): void {
    this.#timer ??= setTimeout(() => this.flush(), this.#throttleMs);
  }

  /** Puts all that is known on disk now, and returns it as it stands there: redacted. */
  flush(): Evidence {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    const clean = this.#redactor.json(this.#snapshot());
    writeAtomically(this.file, evidenceText(clean));
    return clean;
  }
}
