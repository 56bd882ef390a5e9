import type { Methods, MethodId } from '../generated/methods.ts'
import type { StandardError } from '../standardErrors.ts'
import type { XrpcError } from './errors.ts'

/** A body that has an encoding but no schema in its lexicon: a CAR file, a blob. Always a stream, never a buffer. */
export interface Binary<Encoding extends string> {
  encoding: Encoding extends '*/*' ? string : Encoding
  body: ReadableStream<Uint8Array>
  /** In bytes, if known: sent as Content-Length. */
  length?: number
  /** Output only: the entity tag of the whole, without quotes. */
  etag?: string
  /** Output only: which bytes of the whole, of `size` bytes, `body` has. Answered as 206. */
  range?: { offset: number; length: number; size: number }
  /** Output only: more response headers. */
  headers?: Record<string, string>
}

/** The caller already has what it asks for: 304. */
export interface NotModified {
  notModified: true
  etag: string
}

/** `Range` and `If-None-Match` of a request for a binary body. */
export interface Conditions {
  range?: { offset: number; length?: number } | { suffix: number }
  ifNoneMatch?: string[]
}

/** A caller who was let in. */
export interface Granted<Auth> {
  auth: Auth
  /** No credential was verified: the body may come from any stranger. */
  anonymous: boolean
  /** Asks for what the request needs of the caller's scopes, now that the body was read. Throws `ScopeMissingError`. */
  permit(call: { params: unknown; input: unknown }): void
  /**
   * Runs the handler, after the body was read. Throws where the caller may no longer call it by then; and until the
   * handler ends, whatever it writes asks again.
   */
  act<T>(work: () => T): T
}

/** The argument of a method's handler: decoded, validated and authorised. */
export interface Call<Id extends MethodId> {
  params: Methods[Id]['params']
  input: Methods[Id]['input']
  /** An error that this method's lexicon declares, or a standard one. */
  error: (
    name: Methods[Id]['errors'] | StandardError,
    message: string,
    headers?: Record<string, string>,
  ) => XrpcError
  conditions: Conditions
  /** The origin that the caller addressed, e.g. `https://pds.example`. */
  origin: string
  /** The caller's network, as Cloudflare reports it; undefined elsewhere. For counting, not for trust. */
  network: string | undefined
  /** The User-Agent of the caller, made safe to show: printable ASCII, at most 200 characters. Undefined if there is none. */
  client: string | undefined
}

/** The server's end of a subscription's connection. */
export interface Upgraded {
  socket: WebSocket
  /** The 101 that hands the other end to the caller. */
  response: Response
}

/** The argument of a subscription's handler, which sends what there is, hands the socket on, and returns. */
export interface Subscribed<Id extends MethodId> extends Pick<Call<Id>, 'params' | 'error' | 'network'> {
  socket: WebSocket
}

type Awaitable<T> = T | Promise<T>
type IsBinary<T> = T extends Binary<string> ? true : false

/** What a method's handler returns: nothing, the output object, or a stream. */
export type Returned<Id extends MethodId> = [Methods[Id]['output']] extends [undefined]
  ? void
  : true extends IsBinary<Methods[Id]['output']>
    ? Methods[Id]['output'] | NotModified
    : Methods[Id]['output']

/** A method's handler in a tier whose context is `Context`. */
export type Handle<Id extends MethodId, Context> = Methods[Id]['kind'] extends 'subscription'
  ? (call: Subscribed<Id> & Context) => Awaitable<void>
  : (call: Call<Id> & Context) => Awaitable<Returned<Id>>

type AnyHandler = (call: never) => unknown

/** What the generated router dispatches to. A method without a handler here runs in the other tier. */
export type AnyHandlers = { readonly [Id in MethodId]?: AnyHandler }

/** What the generated router needs of a runtime. */
export interface Runtime<Context> {
  query(
    id: MethodId,
    handler: AnyHandler | undefined,
  ): (request: Request, context: Context) => Promise<Response>
  procedure(
    id: MethodId,
    handler: AnyHandler | undefined,
  ): (request: Request, context: Context) => Promise<Response>
  subscription(
    id: MethodId,
    handler: AnyHandler | undefined,
  ): (request: Request, context: Context) => Promise<Response>
  failed(error: unknown): Response
  unknown(request: Request, context: Context): Promise<Response>
}
