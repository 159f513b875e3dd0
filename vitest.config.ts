import { defineConfig } from 'vitest/config';
import { PROJECTS } from './helpers/cli/vitest-runs.ts';

/** For editors: the project's own tests. Checks, proofs and drills need the launcher around them (`npm test`). */
export default defineConfig({ test: { include: [...PROJECTS.unit.include], exclude: [...PROJECTS.unit.exclude] } });
