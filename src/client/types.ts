import type { Methods } from '../generated/client/methods.ts'
import type { Binary } from './json.ts'

/** The id of a method, e.g. `com.atproto.sync.getRepo`. */
export type MethodId = keyof Methods

/** The last argument of any call, after its params or input. */
export interface Options {
  /** Aborts the request and the body that is still streaming. The call rejects with the signal's reason. */
  signal?: AbortSignal
  /** Sent in addition to the client's own headers, or in place of them: `range`, `if-none-match`, `atproto-proxy`. */
  headers?: Record<string, string>
}

/** A binary answer. Read `body` or cancel it: the connection stays open until then. */
export interface Download<Encoding extends string> extends Binary<Encoding> {
  /** 200, or 206 when a range was asked for. */
  status: number
  headers: Headers
}

/** Bytes of a known type, to send. Give the `length` of a stream: many servers refuse a stream without one. */
export interface Upload<Encoding extends string> {
  encoding: Encoding extends '*/*' ? string : Encoding
  body: ReadableStream<Uint8Array> | Uint8Array | Blob
  length?: number
}

/**
 * Bytes alone are enough where the lexicon gives the encoding. Elsewhere they need one: a Blob's type, or an
 * Upload's.
 */
type BinaryInput<Encoding extends string> =
  | Upload<Encoding>
  | Blob
  | ('*/*' extends Encoding ? never : ReadableStream<Uint8Array> | Uint8Array)

/** Makes the members that have a default optional. */
type Optional<T, Keys> = Omit<T, Keys & keyof T> & Partial<Pick<T, Keys & keyof T>>

type Params<Id extends MethodId> = Optional<Methods[Id]['params'], Methods[Id]['defaults']>

type Input<Id extends MethodId> =
  Methods[Id]['input'] extends Binary<infer Encoding>
    ? BinaryInput<Encoding>
    : Optional<Methods[Id]['input'], Methods[Id]['inputDefaults']>

/** What a method answers: its output, a {@link Download}, or nothing. */
export type Output<Id extends MethodId> = Methods[Id]['output'] extends undefined
  ? void
  : Methods[Id]['output'] extends Binary<infer Encoding>
    ? Download<Encoding>
    : Methods[Id]['output']

declare const errors: unique symbol

/** A promise whose type (not its value) has the errors that the lexicon declares. `settle` reads them. */
export interface Answer<T, Errors extends string> extends Promise<T> {
  readonly [errors]?: Errors
}

type Reply<Id extends MethodId> = Answer<Output<Id>, Methods[Id]['errors']>

type Query<Id extends MethodId> = keyof Params<Id> extends never
  ? (params?: Record<string, never>, options?: Options) => Reply<Id>
  : {} extends Params<Id>
    ? (params?: Params<Id>, options?: Options) => Reply<Id>
    : (params: Params<Id>, options?: Options) => Reply<Id>

/** The options of a procedure that has params beside its input. */
export interface ProcedureOptions<Params> extends Options {
  params: Params
}

type Procedure<Id extends MethodId> = keyof Params<Id> extends never
  ? PlainProcedure<Id>
  : (input: Input<Id>, options: ProcedureOptions<Params<Id>>) => Reply<Id>

type PlainProcedure<Id extends MethodId> = Methods[Id]['input'] extends undefined
  ? (options?: Options) => Reply<Id>
  : {} extends Input<Id>
    ? (input?: Input<Id>, options?: Options) => Reply<Id>
    : (input: Input<Id>, options?: Options) => Reply<Id>

/** One method of the client. */
export type Call<Id extends MethodId> = Methods[Id]['kind'] extends 'query'
  ? Query<Id>
  : Methods[Id]['kind'] extends 'procedure'
    ? Procedure<Id>
    : never

/** What sends the calls of the generated namespaces. Encodings are JSON by default, `''` where there is no body. */
export interface Transport {
  query(id: string, errors?: readonly string[], output?: string): unknown
  procedure(id: string, errors?: readonly string[], output?: string, input?: string): unknown
}

/** The only function of its surroundings that the client needs. The global `fetch` fits. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>
