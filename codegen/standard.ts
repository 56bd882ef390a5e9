import { readFileSync } from 'node:fs'
import path from 'node:path'
import { schemas } from '@atproto/api'
import { files, lexiconRoot, under } from './files.ts'

/**
 * The standard methods that Cirrus serves. Each becomes a file: a method's file in `lexicons/` means that we serve
 * it.
 */
const METHODS = [
  'com.atproto.identity.getRecommendedDidCredentials',
  'com.atproto.identity.requestPlcOperationSignature',
  'com.atproto.identity.resolveHandle',
  'com.atproto.identity.signPlcOperation',
  'com.atproto.identity.submitPlcOperation',
  'com.atproto.identity.updateHandle',
  'com.atproto.repo.applyWrites',
  'com.atproto.repo.createRecord',
  'com.atproto.repo.deleteRecord',
  'com.atproto.repo.describeRepo',
  'com.atproto.repo.getRecord',
  'com.atproto.repo.importRepo',
  'com.atproto.repo.listMissingBlobs',
  'com.atproto.repo.listRecords',
  'com.atproto.repo.putRecord',
  'com.atproto.repo.uploadBlob',
  'com.atproto.server.activateAccount',
  'com.atproto.server.checkAccountStatus',
  'com.atproto.server.confirmEmail',
  'com.atproto.server.createAccount',
  'com.atproto.server.createAppPassword',
  'com.atproto.server.createSession',
  'com.atproto.server.deactivateAccount',
  'com.atproto.server.deleteAccount',
  'com.atproto.server.deleteSession',
  'com.atproto.server.describeServer',
  'com.atproto.server.getAccountInviteCodes',
  'com.atproto.server.getServiceAuth',
  'com.atproto.server.getSession',
  'com.atproto.server.listAppPasswords',
  'com.atproto.server.refreshSession',
  'com.atproto.server.requestAccountDelete',
  'com.atproto.server.requestEmailConfirmation',
  'com.atproto.server.requestEmailUpdate',
  'com.atproto.server.requestPasswordReset',
  'com.atproto.server.reserveSigningKey',
  'com.atproto.server.resetPassword',
  'com.atproto.server.revokeAppPassword',
  'com.atproto.server.updateEmail',
  'com.atproto.sync.getBlob',
  'com.atproto.sync.getBlocks',
  'com.atproto.sync.getCheckout',
  'com.atproto.sync.getHead',
  'com.atproto.sync.getLatestCommit',
  'com.atproto.sync.getRecord',
  'com.atproto.sync.getRepo',
  'com.atproto.sync.getRepoStatus',
  'com.atproto.sync.listBlobs',
  'com.atproto.sync.listRepos',
  'com.atproto.sync.subscribeRepos',
  'com.atproto.temp.checkSignupQueue',
  'app.bsky.actor.getPreferences',
  'app.bsky.actor.putPreferences',
]

/** The record types that writes are validated against. The validity of a record of another type is `unknown`. */
const RECORDS = [
  'app.bsky.actor.contentVisibilityDeclaration',
  'app.bsky.actor.profile',
  'app.bsky.actor.status',
  'app.bsky.feed.generator',
  'app.bsky.feed.like',
  'app.bsky.feed.post',
  'app.bsky.feed.postgate',
  'app.bsky.feed.repost',
  'app.bsky.feed.threadgate',
  'app.bsky.graph.block',
  'app.bsky.graph.follow',
  'app.bsky.graph.list',
  'app.bsky.graph.listblock',
  'app.bsky.graph.listitem',
  'app.bsky.graph.referencelistoptout',
  'app.bsky.graph.starterpack',
  'app.bsky.graph.verification',
  'app.bsky.labeler.service',
  'app.bsky.notification.declaration',
  'chat.bsky.actor.declaration',
  'com.atproto.lexicon.schema',
  'com.germnetwork.declaration',
]

const byId = new Map(schemas.map((schema) => [schema.id as string, schema]))

/** Every `ref` and `refs` in a document, as the ids of the documents that they name. */
function* references(value: unknown): Generator<string> {
  if (Array.isArray(value)) for (const item of value) yield* references(item)
  else if (typeof value === 'object' && value !== null)
    for (const [key, inner] of Object.entries(value)) {
      const refs = key === 'ref' ? [inner] : key === 'refs' && Array.isArray(inner) ? inner : undefined
      if (!refs) yield* references(inner)
      else for (const ref of refs) if (typeof ref === 'string' && !ref.startsWith('#')) yield ref
    }
}

/**
 * The documents that are needed, by id, and which of their definitions. A document that is only referred to keeps the
 * definitions that are reached, so that a method which we do not serve is not added with the type that a record needs.
 */
function reachable(): Map<string, Set<string> | 'whole'> {
  const found = new Map<string, Set<string> | 'whole'>()
  const visit = (id: string, def: string | undefined, from: string): void => {
    const document = byId.get(id)
    if (!document) throw new Error(`lexicons: ${from} refers to ${id}, which @atproto/api does not have`)
    const seen = found.get(id)
    if (seen === 'whole' || (def !== undefined && seen?.has(def))) return
    if (def === undefined) found.set(id, 'whole')
    else found.set(id, (seen ?? new Set()).add(def))
    const defs: Record<string, unknown> = document.defs
    const scan = (value: unknown): void => {
      for (const ref of references(value)) {
        const [target = '', name = 'main'] = ref.replace(/^lex:/, '').split('#')
        visit(target, name, id)
      }
      for (const local of JSON.stringify(value).matchAll(/"#(\w+)"/g)) visit(id, local[1], id)
    }
    if (def === undefined) scan(defs)
    else if (defs[def] === undefined)
      throw new Error(`lexicons: ${from} refers to ${id}#${def}, which is not defined`)
    else scan(defs[def])
  }
  for (const id of [...METHODS, ...RECORDS]) visit(id, undefined, 'the list in codegen/standard.ts')
  return found
}

/**
 * The standard documents that Cirrus serves or validates, and all that they refer to, by path below `lexicons/`: taken
 * from the pinned npm package `@atproto/api`. They are data, never edited by hand, and `codegen --check` fails when one
 * differs from the package.
 */
export function standardDocuments(): Map<string, string> {
  const out = new Map<string, string>()
  for (const [id, wanted] of [...reachable()].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const document = byId.get(id)
    const defs: Record<string, unknown> = document?.defs ?? {}
    const kept =
      wanted === 'whole'
        ? defs
        : Object.fromEntries(Object.entries(defs).filter(([name]) => wanted.has(name)))
    out.set(`${id.replaceAll('.', '/')}.json`, JSON.stringify({ ...document, defs: kept }, null, 2) + '\n')
  }
  return out
}

/** The findings of the check: standard documents on disk that are missing, that we do not serve, or that differ. */
export function editedDocuments(): string[] {
  const wanted = standardDocuments()
  const present = files(lexiconRoot, '.json')
    .map((file) => under(lexiconRoot, file))
    .filter((file) => !file.startsWith('com/cirrus/'))
  return [
    ...present
      .filter((file) => !wanted.has(file))
      .map((file) => `lexicons/${file} is not one of the standard documents that we serve`),
    ...[...wanted].flatMap(([file, text]) => {
      if (!present.includes(file)) return [`lexicons/${file} is missing`]
      return readFileSync(path.join(lexiconRoot, file), 'utf8') === text
        ? []
        : [`lexicons/${file} was edited by hand`]
    }),
  ]
}
