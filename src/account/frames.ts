/** Messages of subscribeRepos that are not in the log, typed by its lexicon. */
import { encode } from '@atproto/lex-cbor'
import { messageFrame, type MessageBody } from '../xrpc/frames.ts'

type Info = MessageBody<'com.atproto.sync.subscribeRepos', 'info'>

export const infoFrame = (name: Info['name'], message: string): Uint8Array<ArrayBuffer> =>
  messageFrame('info', encode({ name, message }))
