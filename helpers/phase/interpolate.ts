import type { Flaw, Way } from './errors.ts';
import type { Tree } from './yaml-source.ts';

export type Env = Readonly<Record<string, string | undefined>>;

const REFERENCE = /\$\$\{|\$\{([^}]*)\}?/g;
const NAME = /^([A-Za-z_]\w*)(?::-(.*))?$/s;

/**
 * Puts environment variables into every text of the tree: `${NAME}`, `${NAME:-default}` (where NAME is unset or empty, as in a
 * shell), `$${` for a literal `${`. The result is always text. What can't be resolved stays as it is, with a flaw.
 */
export function interpolate(tree: Tree, env: Env): { tree: Tree; flaws: Flaw[] } {
  const flaws: Flaw[] = [];
  const resolve = (text: string, way: Way): string =>
    text.replace(REFERENCE, (whole, inner: string | undefined) => {
      if (inner === undefined) return '${';
      const [, name, fallback] = (whole.endsWith('}') && NAME.exec(inner)) || [];
      if (name === undefined) {
        flaws.push({
          way,
          problem: 'has a ${ that begins no variable',
          mend: `write \${NAME} or \${NAME:-default}, or $\${ for a plain \${`,
        });
        return whole;
      }
      const value = fallback === undefined ? env[name] : env[name] || fallback;
      if (value !== undefined) return value;
      flaws.push({
        way,
        problem: `environment variable ${name} is not set`,
        mend: `set it, or give a default as in \${${name}:-default}`,
      });
      return whole;
    });
  const walk = (node: Tree, way: Way): Tree => {
    if (node.kind === 'list') return { ...node, items: node.items.map((item, index) => walk(item, [...way, index])) };
    if (node.kind === 'map') {
      const entries = [...node.entries].map(
        ([key, { at, value }]) => [key, { at, value: walk(value, [...way, key]) }] as const,
      );
      return { ...node, entries: new Map(entries) };
    }
    return typeof node.value === 'string' ? { ...node, value: resolve(node.value, way) } : node;
  };
  return { tree: walk(tree, []), flaws };
}
