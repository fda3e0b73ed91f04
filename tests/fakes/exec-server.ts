/** An API server whose one container runs what the test says, behind Bun's own WebSocket server. */
import type { KubeConnection } from "../../core/kube/types.ts";

export const CHANNEL = { stdin: 0, stdout: 1, stderr: 2, status: 3, resize: 4, close: 255 } as const;

/** The container's end of a command. */
export interface FarSide {
  readonly say: (channel: number, payload: string | Uint8Array) => number;
  /** Status and close, as the API server ends a command. */
  readonly exit: (code: number) => void;
  readonly fail: (reason: string, message: string) => void;
  readonly hangUp: () => void;
}

export interface ExecServer extends AsyncDisposable {
  readonly connection: KubeConnection;
  /** Path and query of each upgrade. */
  readonly urls: string[];
}

interface ExecServerOptions {
  readonly open?: (far: FarSide) => void;
  readonly message?: (far: FarSide, channel: number, payload: Buffer) => void;
  /** Default v5. */
  readonly protocol?: string;
  /** Answers everything that is no upgrade, and refuses upgrades by giving an answer. */
  readonly fetch?: (request: Request) => Response | undefined;
}

export function startExecServer(options: ExecServerOptions): ExecServer {
  const urls: string[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request, self) => {
      const answer = options.fetch?.(request);
      if (answer !== undefined) return answer;
      const url = new URL(request.url);
      urls.push(url.pathname + url.search);
      self.upgrade(request, { headers: { "Sec-WebSocket-Protocol": options.protocol ?? "v5.channel.k8s.io" } });
      return undefined;
    },
    websocket: {
      open: (socket) => {
        // As the API server does: an empty message on each channel first.
        for (const channel of [CHANNEL.stdin, CHANNEL.stdout, CHANNEL.stderr, CHANNEL.status])
          socket.sendBinary(Uint8Array.of(channel));
        options.open?.(farSide(socket));
      },
      message: (socket, message) => {
        const bytes = Buffer.from(message as Buffer);
        options.message?.(farSide(socket), bytes[0] ?? 0, bytes.subarray(1));
      },
    },
  });
  return {
    connection: { server: `http://127.0.0.1:${server.port}`, tls: {}, headers: async () => ({}) },
    urls,
    [Symbol.asyncDispose]: async () => server.stop(true),
  };
}

function farSide(socket: Bun.ServerWebSocket): FarSide {
  const say: FarSide["say"] = (channel, payload) =>
    socket.sendBinary(Buffer.concat([Uint8Array.of(channel), Buffer.from(payload)]));
  const end = (status: object): void => {
    say(CHANNEL.status, JSON.stringify({ metadata: {}, ...status }));
    socket.close(1000);
  };
  return {
    say,
    exit: (code) =>
      end(
        code === 0
          ? { status: "Success" }
          : {
              status: "Failure",
              reason: "NonZeroExitCode",
              message: `command terminated with non-zero exit code: exit status ${code}`,
              details: { causes: [{ reason: "ExitCode", message: String(code) }] },
            },
      ),
    fail: (reason, message) => end({ status: "Failure", reason, message, code: 500 }),
    hangUp: () => socket.terminate(),
  };
}
