import { encode } from '@atproto/lex-cbor'
import type { Cid } from '@atproto/lex-data'
import type { CID } from 'multiformats/cid'
import { messageFrame, type MessageBody, type MessageName } from '../../xrpc/frames.ts'

type Id = 'com.atproto.sync.subscribeRepos'
type Info = MessageBody<Id, 'info'>

/** The messages of subscribeRepos that are in the log. An `#info` is not: it is for one subscriber only. */
export type EventType = Exclude<MessageName<Id>, 'info'>

/** The generated types have the CID of multiformats; what is encoded here has the one of @atproto/lex-data. */
type Encoded<T> = T extends CID
  ? Cid
  : T extends Uint8Array
    ? T
    : T extends readonly (infer Item)[]
      ? Encoded<Item>[]
      : T extends object
        ? { [Key in keyof T]: Encoded<T[Key]> }
        : T

/** A message's fields without its number, its time and the account's DID. */
export type EventFields<Type extends EventType> = Omit<
  Encoded<MessageBody<Id, Type>>,
  'seq' | 'time' | 'did' | 'repo'
>

/** The frame of an `#info`. */
export const infoFrame = (name: Info['name'], message: string): Uint8Array<ArrayBuffer> =>
  messageFrame('info', encode({ name, message }))
