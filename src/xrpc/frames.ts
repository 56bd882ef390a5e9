import { encode } from '@atproto/lex-cbor'
import type { Methods, MethodId } from '../generated/methods.ts'

export type SubscriptionId = {
  [Id in MethodId]: Methods[Id]['kind'] extends 'subscription' ? Id : never
}[MethodId]

/** The messages that a subscription's lexicon declares, each with its `$type`. */
type Messages<Id extends SubscriptionId> = Extract<Methods[Id]['output'], { $type: `${Id}#${string}` }>

/** The name after `#` in a frame's header: `commit`, `identity`, … */
export type MessageName<Id extends SubscriptionId> = Messages<Id>['$type'] extends `${Id}#${infer Name}`
  ? Name
  : never

/** The body of a message. */
export type MessageBody<Id extends SubscriptionId, Name extends string> = Omit<
  Extract<Messages<Id>, { $type: `${Id}#${Name}` }>,
  '$type'
>

/** A frame of a subscription: two DAG-CBOR objects, a header and a body, one after the other. */
const join = (header: Uint8Array, body: Uint8Array): Uint8Array<ArrayBuffer> => {
  const frame = new Uint8Array(header.length + body.length)
  frame.set(header)
  frame.set(body, header.length)
  return frame
}

const headers = new Map<string, Uint8Array>()

/** The frame of a message, whose body is already encoded. */
export const messageFrame = (name: string, body: Uint8Array): Uint8Array<ArrayBuffer> => {
  const header = headers.get(name) ?? encode({ op: 1, t: `#${name}` })
  headers.set(name, header)
  return join(header, body)
}

/** The frame of an error. It is the last one: close the connection after it. */
export const errorFrame = (error: string, message: string): Uint8Array<ArrayBuffer> =>
  join(encode({ op: -1 }), encode({ error, message }))
