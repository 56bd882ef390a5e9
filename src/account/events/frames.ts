/** The messages of subscribeRepos, typed by its lexicon. */
import { encode } from '@atproto/lex-cbor'
import type { Cid } from '@atproto/lex-data'
import type { CID } from 'multiformats/cid'
import { messageFrame, type MessageBody, type MessageName } from '../../xrpc/frames.ts'

type Id = 'com.atproto.sync.subscribeRepos'
type Info = MessageBody<Id, 'info'>

/** What the log holds; an `#info` is for one subscriber, at one moment. */
export type EventType = Exclude<MessageName<Id>, 'info'>

/** lex-cli's CID is the one of multiformats; what is encoded here is @atproto/lex-data's. */
type Encoded<T> = T extends CID
  ? Cid
  : T extends Uint8Array
    ? T
    : T extends readonly (infer Item)[]
      ? Encoded<Item>[]
      : T extends object
        ? { [Key in keyof T]: Encoded<T[Key]> }
        : T

/** What a message says besides its number, its time and the account's DID. */
export type EventFields<Type extends EventType> = Omit<
  Encoded<MessageBody<Id, Type>>,
  'seq' | 'time' | 'did' | 'repo'
>

export const infoFrame = (name: Info['name'], message: string): Uint8Array<ArrayBuffer> =>
  messageFrame('info', encode({ name, message }))
