import type { Connection } from 'mysql2';
import type { Target } from '../../service.ts';
import { connectMysql } from '../../wire/mysql.ts';
import { addresses, loginOf } from './answers.ts';

/** Sessions with the first front end that lets us in. A statement has one to itself; those that are idle are used again. */
export class Sessions {
  readonly #target: Target;
  readonly #idle: Connection[] = [];
  #address: string | null = null;

  constructor(target: Target) {
    this.#target = target;
  }

  get address(): string {
    return this.#address ?? addresses(this.#target, 'query')[0] ?? '';
  }

  async use<T>(work: (connection: Connection) => Promise<T>, signal: AbortSignal): Promise<T> {
    const connection = this.#idle.pop() ?? (await this.#connect(signal));
    let sound = false;
    try {
      const result = await work(connection);
      sound = true;
      return result;
    } catch (error) {
      // What the server refused leaves the session as it was.
      sound =
        typeof (error as { errno?: unknown }).errno === 'number' && Number((error as { errno: number }).errno) > 0;
      throw error;
    } finally {
      if (sound) this.#idle.push(connection);
      else connection.destroy();
    }
  }

  close(): void {
    for (const connection of this.#idle.splice(0)) connection.destroy();
  }

  async #connect(signal: AbortSignal): Promise<Connection> {
    const all = addresses(this.#target, 'query');
    let failure: unknown;
    for (const address of this.#address === null ? all : [this.#address]) {
      try {
        const { connection } = await connectMysql(this.#target, address, loginOf(this.#target), signal);
        this.#address = address;
        connection.once('end', () => this.#forget(connection)).once('error', () => this.#forget(connection));
        return connection;
      } catch (error) {
        failure ??= error;
      }
    }
    throw failure;
  }

  #forget(connection: Connection): void {
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
  }
}
