import type { Diagnosis } from '../reports/model.ts';
import type { Knock, Target } from './service.ts';

export interface Knocked<Answer> {
  readonly answers: readonly { readonly address: string; readonly answer: Answer }[];
  readonly door: Pick<Knock, 'state' | 'diagnosis' | 'endpoints'>;
}

/**
 * Knocks at all these addresses at once. One that lets us in opens the component's door, and each that does not is named by the
 * diagnosis; where none does, the first of them stands for all.
 * @param diagnose what kept us out, worded with the name that it is given
 */
export async function knockAll<Answer>(
  { component, route }: Target,
  addresses: readonly string[],
  ask: (address: string) => Promise<Answer>,
  diagnose: (error: unknown, who: string) => Diagnosis,
): Promise<Knocked<Answer>> {
  const title = (address: string): string =>
    addresses.length === 1 ? component.title : `${component.title} at ${address}`;
  const knocks = await Promise.all(
    addresses.map((address) =>
      ask(address).then(
        (answer) => ({ address, answer, diagnosis: null }),
        (error: unknown) => ({ address, answer: null, diagnosis: diagnose(error, title(address)) }),
      ),
    ),
  );
  const answers = knocks.flatMap(({ address, answer, diagnosis }) =>
    diagnosis === null ? [{ address, answer: answer as Answer }] : [],
  );
  const shut = knocks.flatMap(({ address, diagnosis }) => (diagnosis === null ? [] : [{ address, diagnosis }]));
  const endpoints = Object.values(component.endpoints)
    .flat()
    .map((logical) => ({ logical, dialled: route.dial(logical), path: route.path }));
  const [first] = shut;
  if (!first) return { answers, door: { state: 'open', diagnosis: null, endpoints } };
  const evidence = shut.map(({ diagnosis }) => diagnosis.evidence).join('; ');
  if (answers.length > 0) {
    const subject = shut.length === 1 ? { subject: `node at ${first.address}` } : {};
    return { answers, door: { state: 'open', diagnosis: { ...first.diagnosis, evidence, ...subject }, endpoints } };
  }
  const ours = shut.every(({ diagnosis }) => diagnosis.class === 'our-side' || diagnosis.class === 'authorization');
  const all = shut.length > 1 ? `; none of the ${shut.length} addresses lets us in` : '';
  const diagnosis = { ...first.diagnosis, cause: `${first.diagnosis.cause}${all}`, evidence };
  return { answers, door: { state: ours ? 'unobserved' : 'closed', diagnosis, endpoints } };
}
