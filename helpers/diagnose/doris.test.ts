import { expect, test } from 'vitest';
import type { CauseClass } from '../../reports/model.ts';
import { MysqlError } from '../wire/mysql.ts';
import { diagnoseDetail, diagnoseDoris } from './doris.ts';

test.each<[CauseClass | undefined, string]>([
  [
    'not-redundant',
    'errCode = 2, detailMessage = No backend available as scan node, please check the status of your backends.',
  ],
  ['not-redundant', 'No backend load available, policy: computeNode=false'],
  [
    'not-redundant',
    'replication num should be less than the number of available backends. replication num is 3, available backend num is 1',
  ],
  [
    'not-redundant',
    'Failed to find enough backend, please check the replication num,replication tag and storage medium',
  ],
  ['not-redundant', 'tablet 10108 alive replica num 1 < load required replica num 2, alive backends: [10002]'],
  ['misconfigured', 'There is no 100-continue header'],
  ['authentication', "Access denied for user 'root@10.0.0.1' (using password: YES)"],
  ['authorization', 'Access denied; you need (at least one of) the (ADMIN) privilege(s) for this operation'],
  ['slow', 'errCode = 2, detailMessage = query timeout'],
  ['slow', '[-235]failed to init rowset builder. version count: 2001'],
  [undefined, "errCode = 2, detailMessage = Unknown column 'nope'"],
])('%s is what %j says', (cls, text) => {
  expect(diagnoseDetail(text, 'Doris')?.class).toBe(cls);
});

const refusal = (errno: number, message: string, serverVersion?: string): Error =>
  Object.assign(new Error(message), { errno, code: 'ER_X', ...(serverVersion ? { serverVersion } : {}) });

test('a refused login says who refused it', () => {
  const text = "Access denied for user 'root'@'10.0.0.1' (using password: YES)";
  expect(diagnoseDoris(refusal(1045, text, '5.7.99'), 'Doris')?.class).toBe('authentication');
  const other = diagnoseDoris(refusal(1045, text, '5.5.5-10.11.6-MariaDB'), 'Doris');
  expect(other).toMatchObject({ class: 'wrong-product', cause: expect.stringContaining('MariaDB') });
});

test('what we made of a broken handshake goes before what broke it', () => {
  const lost = Object.assign(new Error('Connection lost'), { code: 'PROTOCOL_CONNECTION_LOST' });
  const error = new MysqlError('truncated', '10.0.0.1:9030: closed in the middle of the handshake', '5.7.99', lost);
  expect(diagnoseDoris(error, 'Doris')?.class).toBe('data-wrong');
  expect(diagnoseDoris(lost, 'Doris')?.class).toBe('unreachable');
});

test('an error of nobody is not Doris’s', () => {
  expect(diagnoseDoris(new TypeError('x is not a function'), 'Doris')).toBeNull();
});
