/**
 * A connection whose protocol is not known yet. Whoever speaks first decides: a server that does is relayed; a client's
 * first bytes are HTTP or not. Until then the original destination is dialled beside, so that nobody waits for the look.
 */
import { SNIFF_MS_MAX } from "../../core/limits.ts";
import { Dial, type Endpoint } from "../tcp/dial.ts";
import { relay } from "../tcp/relay.ts";
import { sniff } from "./sniff.ts";
import { DISCARD, Wire, type WireOwner } from "../tcp/wire.ts";

export interface LookOptions {
  readonly client: Wire;
  readonly original: Endpoint;
  /** The port is declared HTTP: nothing is dialled before the first request, or the preface of HTTP/2, says where to. */
  readonly declared: boolean;
  /** A request may go elsewhere when the original destination refuses: its failure waits for the first request. */
  readonly patient: boolean;
  /** Takes the connection over, with the bytes read, which are only lent, and the dial begun, if any. */
  readonly http: (input: Buffer, spare: Dial | undefined) => void;
  /** The same for HTTP/2, from its preface, with what the server has said already; the bytes are the callee's. */
  readonly http2: (input: Buffer, spare: Dial | undefined, greeting: Buffer | undefined) => void;
  /** Told when the connection is relayed. */
  readonly relayed: () => void;
}

export function look(options: LookOptions): void {
  const first = new FirstLook(options);
  options.client.owner = first;
  first.begin();
}

/** Relays without a look. A destination that cannot be reached is answered with a reset at once. */
export function relayTo(client: Wire, endpoint: Endpoint): void {
  const dial = new Dial(endpoint);
  client.pause();
  relayThrough(dial, { client });
}

class FirstLook implements WireOwner {
  readonly borrows = true;
  readonly #options: LookOptions;
  #input: Buffer | undefined;
  #dial: Dial | undefined;
  /** SETTINGS of a server of HTTP/2, which waits for nobody. */
  #greeting: Buffer | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #decided = false;

  constructor(options: LookOptions) {
    this.#options = options;
  }

  begin(): void {
    if (this.#options.declared) this.#timer = setTimeout(() => this.#dialOriginal(), SNIFF_MS_MAX);
    else this.#dialOriginal();
    this.#options.client.resume();
  }

  data(_wire: Wire, bytes: Buffer): void {
    const input = this.#input === undefined ? bytes : Buffer.concat([this.#input, bytes]);
    const protocol = sniff(input);
    if (protocol === "http1" && this.#greeting === undefined) {
      this.#decide();
      return this.#options.http(input, this.#dial);
    }
    // Nobody else copies what was only lent.
    this.#input = Buffer.from(input);
    switch (protocol) {
      case "http2-preface":
        // What a server of HTTP/2 offers has to be known before the first request.
        this.#dialOriginal();
        this.#decide();
        this.#options.client.pause();
        this.#options.http2(this.#input, this.#dial, this.#greeting);
        return;
      case "http1":
      case "other":
        this.#relay(false);
        return;
      case "need-more":
        if (!this.#options.declared) this.#timer ??= setTimeout(() => this.#relay(false), SNIFF_MS_MAX);
        return;
    }
  }

  end(): void {
    this.#relay(true);
  }

  drain(): void {}

  close(): void {
    this.#decide();
    this.#dial?.abandon();
  }

  #dialOriginal(): void {
    if (this.#decided || this.#dial !== undefined) return;
    const dial = new Dial(this.#options.original);
    this.#dial = dial;
    dial.whenSettled((outcome) => {
      if (outcome instanceof Wire) outcome.owner = this.#upstreamOwner();
      else this.#unreachable();
    });
  }

  /** The server's side of the look. */
  #upstreamOwner(): WireOwner {
    return {
      ...DISCARD,
      data: (wire, bytes) => {
        if (this.#greeting !== undefined || !mayBeSettings(bytes)) return this.#relay(false, bytes);
        // A client that speaks HTTP/2, too, is about to send its preface, and its streams can be routed.
        this.#greeting = bytes;
        wire.pause();
        this.#timer ??= setTimeout(() => this.#relay(false), SNIFF_MS_MAX);
      },
      end: () => this.#relay(false, undefined, true),
      close: () => {
        if (!this.#decided) this.#options.client.reset();
      },
    };
  }

  #unreachable(): void {
    clearTimeout(this.#timer);
    if (!this.#options.patient) this.#options.client.reset();
    else this.#timer = setTimeout(() => this.#options.client.reset(), SNIFF_MS_MAX);
  }

  #relay(clientEnded: boolean, fromUpstream?: Buffer, upstreamEnded = false): void {
    if (this.#decided) return;
    this.#dialOriginal();
    this.#decide();
    this.#options.relayed();
    this.#options.client.pause();
    const dial = this.#dial;
    if (dial === undefined) return;
    const parts = [this.#greeting, fromUpstream].filter((bytes) => bytes !== undefined);
    const spoken = parts.length === 0 ? undefined : Buffer.concat(parts);
    relayThrough(dial, { client: this.#options.client, fromClient: this.#input, fromUpstream: spoken, clientEnded });
    if (upstreamEnded) this.#options.client.end();
  }

  #decide(): void {
    this.#decided = true;
    clearTimeout(this.#timer);
  }
}

/** The beginning of a SETTINGS frame, as servers of HTTP/2 send it at once (RFC 9113 §3.4). */
function mayBeSettings(bytes: Buffer): boolean {
  const length = bytes.length < 9 ? -1 : bytes.readUIntBE(0, 3);
  return length >= 0 && length % 6 === 0 && bytes[3] === 4 && bytes[4] === 0 && bytes.readUInt32BE(5) === 0;
}

interface RelayThrough {
  readonly client: Wire;
  readonly fromClient?: Buffer | undefined;
  readonly fromUpstream?: Buffer | undefined;
  readonly clientEnded?: boolean;
}

/** Relays as soon as the dial has succeeded; the client waits, or is reset. */
function relayThrough(dial: Dial, start: RelayThrough): void {
  let ended = start.clientEnded === true;
  start.client.owner = {
    ...DISCARD,
    end: () => {
      ended = true;
    },
    close: () => dial.abandon(),
  };
  dial.whenSettled((outcome) => {
    if (outcome instanceof Wire) relay({ ...start, upstream: outcome, clientEnded: ended });
    else start.client.reset();
  });
}
