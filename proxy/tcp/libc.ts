/**
 * The system calls of the data plane, through the C library: Bun's own sockets copy every read into memory of its own
 * and make twice the calls for each connection. Numbers are Linux', alike on x86-64 and arm64.
 */
import { dlopen, FFIType, type Library, read } from "bun:ffi";
import { getSystemErrorName } from "node:util";

export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
const SOCK_STREAM = 1;
export const SOCK_NONBLOCK = 0o4000;
export const SOCK_CLOEXEC = 0o2_000_000;
/** Type of all our sockets: they never wait, and no program that we start inherits them. */
export const STREAM_SOCKET = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
export const SO_ERROR = 4;
export const SO_LINGER = 13;
export const IPPROTO_TCP = 6;
export const TCP_NODELAY = 1;
export const SHUT_WR = 1;
export const MSG_NOSIGNAL = 0x4000;

/** Value of options that are on or off. */
export const ON = new Int32Array(new ArrayBuffer(4)).fill(1);

/** Of struct epoll_event in 32-bit words, and where its data begins: it is packed on x86-64 alone. */
export const EVENT_WORDS = process.arch === "x64" ? 3 : 4;
export const EVENT_DATA_WORD = process.arch === "x64" ? 1 : 2;
export const EPOLL_CTL_ADD = 1;
export const EPOLL_CTL_DEL = 2;
export const EPOLL_CTL_MOD = 3;
export const EPOLL_CLOEXEC = 0o2_000_000;
export const EPOLLIN = 0x1;
export const EPOLLOUT = 0x4;
export const EPOLLERR = 0x8;
export const EPOLLHUP = 0x10;
export const EPOLLRDHUP = 0x2000;
/** Bit 31 as a signed number: told once for each change, so that pausing a connection costs no system call. */
export const EPOLLET = 1 << 31;

export const EAGAIN = 11;
export const ENOMEM = 12;
export const ENFILE = 23;
export const EMFILE = 24;
export const ENOBUFS = 105;
export const EINPROGRESS = 115;

const { i32, u32, u64_fast: size, ptr } = FFIType;
/** As a number, since Bun's pointers cannot be counted on from. */
const address = size;

const SYMBOLS = {
  socket: { args: [i32, i32, i32], returns: i32 },
  socketpair: { args: [i32, i32, i32, ptr], returns: i32 },
  setsockopt: { args: [i32, i32, i32, ptr, u32], returns: i32 },
  getsockopt: { args: [i32, i32, i32, ptr, ptr], returns: i32 },
  getsockname: { args: [i32, ptr, ptr], returns: i32 },
  getpeername: { args: [i32, ptr, ptr], returns: i32 },
  bind: { args: [i32, ptr, u32], returns: i32 },
  listen: { args: [i32, i32], returns: i32 },
  accept4: { args: [i32, ptr, ptr, i32], returns: i32 },
  connect: { args: [i32, ptr, u32], returns: i32 },
  // What they return fits 32 bits, since no more is ever asked for.
  recv: { args: [i32, address, size, i32], returns: i32 },
  send: { args: [i32, ptr, size, i32], returns: i32 },
  shutdown: { args: [i32, i32], returns: i32 },
  close: { args: [i32], returns: i32 },
  epoll_create1: { args: [i32], returns: i32 },
  epoll_ctl: { args: [i32, i32, i32, ptr], returns: i32 },
  epoll_wait: { args: [i32, ptr, i32, i32], returns: i32 },
  __errno_location: { args: [], returns: ptr },
} as const;

export type Libc = Library<typeof SYMBOLS>["symbols"] & {
  /** Why the call before failed; to be asked at once. */
  readonly errno: () => number;
};

/** @throws Error when the C library cannot be opened */
export function openLibc(): Libc {
  const { symbols } = dlopen("libc.so.6", SYMBOLS);
  const { __errno_location: locate } = symbols;
  const errnoAt = locate();
  if (errnoAt === null) throw new Error("The C library has no errno");
  return { ...symbols, errno: () => read.i32(errnoAt, 0) };
}

/** As Node names it: `code` and a message that begins with the call. */
export function systemError(call: string, errno: number): Error {
  const code = errno === 0 ? "UNKNOWN" : getSystemErrorName(-errno);
  return Object.assign(new Error(`${call}: ${code}`), { code, errno: -errno, syscall: call });
}

/** What has happened to a socket of which an error was told; 0 for nothing. */
export function pendingError(libc: Libc, descriptor: number): number {
  const value = new Int32Array(new ArrayBuffer(4));
  const length = new Uint32Array(new ArrayBuffer(4));
  length[0] = value.byteLength;
  return libc.getsockopt(descriptor, SOL_SOCKET, SO_ERROR, value, length) === 0 ? (value[0] ?? 0) : libc.errno();
}
