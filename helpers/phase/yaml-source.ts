import { isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { Json } from '../../reports/model.ts';
import type { Flaw, PhaseError, Position, Way } from './errors.ts';
import { fieldOf } from './errors.ts';

export interface Entry {
  /** Of the key. */
  readonly at: Position;
  readonly value: Tree;
}

/** A YAML document in which every value knows where it stands, also after overlays and interpolation. */
export type Tree =
  | { readonly kind: 'scalar'; readonly at: Position; readonly value: string | number | boolean | null }
  | { readonly kind: 'list'; readonly at: Position; readonly items: readonly Tree[] }
  | { readonly kind: 'map'; readonly at: Position; readonly entries: ReadonlyMap<string, Entry> };

const START: Position = { line: 1, col: 1 };

/** `tree` is null where the text is not YAML at all. Flaws quote nothing of the text: it may hold a secret. */
export function readYaml(text: string): { tree: Tree | null; flaws: Flaw[] } {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
  const positionOf = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), col: Math.max(col, 1) };
  };
  const flaws: Flaw[] = [
    ...document.errors.map(({ message, pos }) => ({
      way: [],
      at: positionOf(pos[0]),
      problem: `is not readable as YAML (${message.replace(/(?<=\S)[:;] .*$/s, '')})`,
      mend: 'look at the indentation, quotes and brackets on this line and the one above',
    })),
    ...document.warnings.map(({ pos }) => ({
      way: [],
      at: positionOf(pos[0]),
      problem: 'has a YAML tag or directive that means nothing here',
      mend: 'take it out, or put quotes around the text',
    })),
  ];
  if (document.errors.length > 0) return { tree: null, flaws };

  /** @param at where the value is; of a map or a list its key, since its own first character may be on the next line */
  const grow = (node: unknown, way: Way, at: Position): Tree => {
    if (isMap(node)) {
      const entries = new Map<string, Entry>();
      for (const { key, value } of node.items) {
        const name = isScalar(key) ? String(key.value) : '?';
        const keyAt = isNode(key) && key.range ? positionOf(key.range[0]) : at;
        const twin = entries.get(name);
        if (twin)
          flaws.push({
            way: [...way, name],
            at: keyAt,
            problem: `is given twice, first on line ${twin.at.line}`,
            mend: 'keep one of the two',
          });
        else entries.set(name, { at: keyAt, value: grow(value, [...way, name], keyAt) });
      }
      return { kind: 'map', at, entries };
    }
    if (isSeq(node)) {
      const itemAt = (item: unknown): Position => (isNode(item) && item.range ? positionOf(item.range[0]) : at);
      return { kind: 'list', at, items: node.items.map((item, index) => grow(item, [...way, index], itemAt(item))) };
    }
    const own = isNode(node) && node.range ? positionOf(node.range[0]) : at;
    if (isAlias(node)) {
      flaws.push({ way, at: own, problem: 'is an alias', mend: 'write the value out' });
      return { kind: 'scalar', at: own, value: null };
    }
    const value: unknown = isScalar(node) ? node.value : null;
    if (value === null) return { kind: 'scalar', at, value };
    return {
      kind: 'scalar',
      at: own,
      value: typeof value === 'number' || typeof value === 'boolean' ? value : String(value),
    };
  };
  return { tree: grow(document.contents, [], START), flaws };
}

/** The values without their places. */
export function plain(tree: Tree): Json {
  if (tree.kind === 'scalar') return tree.value;
  if (tree.kind === 'list') return tree.items.map(plain);
  return Object.fromEntries([...tree.entries].map(([key, { value }]) => [key, plain(value)]));
}

/** Where the way leads; for what is not there, the innermost container that is. */
function locate(tree: Tree, way: Way, which: 'key' | 'value'): Position {
  const [step, ...rest] = way;
  if (tree.kind === 'map' && typeof step === 'string') {
    const entry = tree.entries.get(step);
    if (!entry) return tree.at;
    return rest.length === 0 && which === 'key' ? entry.at : locate(entry.value, rest, which);
  }
  const item = tree.kind === 'list' && typeof step === 'number' ? tree.items[step] : undefined;
  return item ? locate(item, rest, which) : tree.at;
}

export function placeFlaw(file: string, tree: Tree | null, { way, problem, mend, at }: Flaw): PhaseError {
  const position = typeof at === 'object' ? at : tree ? locate(tree, way, at ?? 'value') : START;
  return { file, ...position, field: fieldOf(way), problem, mend };
}
