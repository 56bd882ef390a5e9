import type { Answer, Asking } from '../../ask.ts'
import { asOwner, postAsOwner } from '../asOwner.ts'
import type { OwnSession, Rule } from '../../types.ts'

export const LEXICON = 'https://github.com/bluesky-social/atproto/blob/main/lexicons/com/atproto'
export const COLLECTION = 'com.example.contract'
export const PUT = 'com.atproto.repo.putRecord'
export const GET = 'com.atproto.repo.getRecord'
export const CREATE = 'com.atproto.repo.createRecord'
export const DELETE = 'com.atproto.repo.deleteRecord'
export const APPLY = 'com.atproto.repo.applyWrites'
export const UPLOAD = 'com.atproto.repo.uploadBlob'

/** The writes of the owner of an account. */
export interface Owner {
  readonly did: string
  post(ask: Asking, id: string, body: object): Promise<Answer>
  put(ask: Asking, rkey: string, record: object, more?: object): Promise<Answer>
  remove(ask: Asking, rkey: string): Promise<Answer>
  upload(ask: Asking, bytes: Uint8Array, type: string): Promise<Answer>
  /** Whether anyone can read a record. */
  has(ask: Asking, rkey: string): Promise<boolean>
}

export const createOwner = (session: OwnSession): Owner => {
  const { did } = session
  const { authorization } = asOwner(session).headers
  const post: Owner['post'] = (ask, id, body) =>
    ask(id, postAsOwner(session, { repo: did, collection: COLLECTION, ...body }))
  return {
    did,
    post,
    put: (ask, rkey, record, more = {}) =>
      post(ask, PUT, { rkey, record: { $type: COLLECTION, ...record }, ...more }),
    remove: (ask, rkey) => post(ask, DELETE, { rkey }),
    upload: (ask, bytes, type) =>
      ask(UPLOAD, { verb: 'POST', headers: { authorization, 'content-type': type }, body: bytes }),
    has: async (ask, rkey) =>
      (await ask(GET, { query: { repo: did, collection: COLLECTION, rkey } })).status === 200,
  }
}

export const isRefused = ({ status }: Answer): boolean => status >= 400 && status < 500

export const writeRule = (
  id: string,
  sentence: string,
  source: string,
  level: Rule['level'] = 'must',
): Rule => ({
  id: `writes.${id}`,
  level,
  sentence,
  source,
  profiles: ['target', 'daily'],
})
