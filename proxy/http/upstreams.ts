/**
 * The upstream connections of one client connection, one per address. Nothing is shared between clients: a server
 * sees as many connections as without us, and a stale one breaks no stranger's request.
 */
import { UPSTREAMS_PER_CLIENT_MAX } from "../../core/limits.ts";
import { Dial, type Endpoint, isSameEndpoint } from "../tcp/dial.ts";
import { Upstream, type UpstreamListener } from "./upstream.ts";
import { DISCARD, Wire } from "../tcp/wire.ts";

/** An address to try, and the hop mark that goes with it. */
export interface Target extends Endpoint {
  /** `<namespace>/<service>`; absent for destinations that were not routed. */
  readonly mark?: string | undefined;
  /** `<namespace>/<service>` that the address belongs to, where one is known. */
  readonly service?: string | undefined;
}

export interface Reached {
  readonly upstream: Upstream;
  readonly target: Target;
  /** Index of the target that comes after it. */
  readonly next: number;
}

interface Kept {
  readonly to: Endpoint;
  readonly upstream: Upstream;
}

export class Upstreams {
  readonly #listener: UpstreamListener;
  /** Oldest first. */
  readonly #kept: Kept[] = [];
  /** A connection to the original destination that was begun before the request was read. */
  #spare: Dial | undefined;
  #dial: Dial | undefined;
  #latest: Upstream | undefined;
  /** Where `#latest` leads: most requests follow one to the same address. */
  #latestEndpoint: Endpoint | undefined;

  constructor(listener: UpstreamListener, spare: Dial | undefined) {
    this.#listener = listener;
    this.#spare = spare;
    const outcome = spare?.outcome;
    if (outcome instanceof Wire) outcome.owner = DISCARD;
  }

  /** The upstream of the latest request: its end is the client's end. */
  get latest(): Upstream | undefined {
    return this.#latest;
  }

  /** To `targets[at]`, where a connection to it is open already. */
  open(targets: readonly Target[], at: number): Reached | undefined {
    const target = targets[at];
    if (target === undefined) return undefined;
    const upstream = this.#find(target);
    if (upstream?.reusable !== true) return undefined;
    this.#use(upstream, target);
    return { upstream, target, next: at + 1 };
  }

  /** Reaches the first of `targets`, from `at` on, that accepts a connection; `undefined` when none does. */
  reach(targets: readonly Target[], at: number, done: (reached: Reached | undefined) => void): void {
    const target = targets[at];
    const open = this.open(targets, at);
    if (target === undefined || open !== undefined) {
      done(open);
      return;
    }
    const dial = this.#takeSpare(target) ?? new Dial(target);
    this.#dial = dial;
    dial.whenSettled((outcome) => {
      this.#dial = undefined;
      if (!(outcome instanceof Wire) || outcome.closed) {
        this.reach(targets, at + 1, done);
        return;
      }
      const upstream = new Upstream(outcome, this.#listener);
      this.#keep(target, upstream);
      this.#use(upstream, target);
      done({ upstream, target, next: at + 1 });
    });
  }

  /** Closes one, in order. */
  drop(upstream: Upstream): void {
    this.#forget(upstream);
    upstream.wire.owner = DISCARD;
    upstream.wire.close();
  }

  /** Breaks one: its server sees a reset. */
  abort(upstream: Upstream): void {
    this.#forget(upstream);
    upstream.wire.owner = DISCARD;
    upstream.wire.reset();
  }

  /** Hands one over to somebody else; the others are closed. */
  release(upstream: Upstream): void {
    this.#forget(upstream);
    this.closeAll();
  }

  closeAll(): void {
    this.#dial?.abandon();
    this.#dial = undefined;
    this.#spare?.abandon();
    this.#spare = undefined;
    for (let last = this.#kept.at(-1); last !== undefined; last = this.#kept.at(-1)) this.drop(last.upstream);
  }

  #forget(upstream: Upstream): void {
    const at = this.#kept.findIndex((kept) => kept.upstream === upstream);
    if (at >= 0) this.#kept.splice(at, 1);
    if (this.#latest === upstream) this.#latest = undefined;
  }

  #takeSpare(target: Target): Dial | undefined {
    const spare = this.#spare;
    if (spare === undefined || !isSameEndpoint(spare.endpoint, target)) return undefined;
    this.#spare = undefined;
    return spare.outcome instanceof Wire && spare.outcome.closed ? undefined : spare;
  }

  #find(target: Target): Upstream | undefined {
    const last = this.#latestEndpoint;
    if (last !== undefined && this.#latest !== undefined && isSameEndpoint(last, target)) return this.#latest;
    return this.#kept.find(({ to }) => isSameEndpoint(to, target))?.upstream;
  }

  #use(upstream: Upstream, target: Target): void {
    this.#latest = upstream;
    this.#latestEndpoint = target;
    this.#spare?.abandon();
    this.#spare = undefined;
  }

  #keep(to: Endpoint, upstream: Upstream): void {
    const replaced = this.#kept.find((kept) => isSameEndpoint(kept.to, to));
    if (replaced !== undefined) this.drop(replaced.upstream);
    const [oldest] = this.#kept;
    if (this.#kept.length >= UPSTREAMS_PER_CLIENT_MAX && oldest !== undefined) this.drop(oldest.upstream);
    this.#kept.push({ to, upstream });
  }
}
