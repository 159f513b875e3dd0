import { openProxy } from '../../../fixtures/faults/proxy.ts';
import type { Route } from '../../route.ts';

/** A way to the brokers on which an answer can be lost: the broker has done what it was asked, and the client never hears of it. */
export interface LossyRoute extends AsyncDisposable {
  readonly route: Route;
  /** Swallows the next answer that any broker gives, and closes the connection that it came by. */
  loseNextAnswer(): void;
  /** Answers lost so far. */
  lost(): number;
}

/**
 * Puts a proxy of this process before every address. It takes bytes for answers, not frames, so it works on TLS too: arm it when the only answer
 * on its way is the one to be lost.
 * @param under where the proxies dial
 */
export async function openLossyRoute(under: Route, addresses: readonly string[]): Promise<LossyRoute> {
  let armed = false;
  let lost = 0;
  const proxies = await Promise.all(addresses.map((address) => openProxy(under.dial(address))));
  const ways = new Map(addresses.map((address, at) => [address, proxies[at]?.address ?? address]));
  const rewriter = {
    request: () => undefined,
    answer(bytes: Buffer) {
      if (!armed) return { bytes, close: false };
      armed = false;
      lost++;
      return { bytes: Buffer.alloc(0), close: true };
    },
  };
  await Promise.all(proxies.map((proxy) => proxy.rewrite(() => rewriter)));
  return {
    route: { path: under.path, dial: (logical) => ways.get(logical) ?? under.dial(logical) },
    loseNextAnswer() {
      armed = true;
    },
    lost: () => lost,
    async [Symbol.asyncDispose]() {
      await Promise.all(proxies.map((proxy) => proxy[Symbol.asyncDispose]()));
    },
  };
}
