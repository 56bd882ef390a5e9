import type { AccountPermission, BlobPermission, StaticScopeValue } from '@atproto/oauth-scopes'
import { RepoPermission } from '@atproto/oauth-scopes'
import { parseScope } from '../../account/oauth/scopes/parseScope.ts'
import { readPermissions } from '../../account/oauth/scopes/readPermissions.ts'
import { describeRepo } from './describeRepo.ts'
import { describeRpc } from './describeRpc.ts'
import { type ConsentKind, type ConsentLine, Lines } from './lines.ts'
import { type ConsentLanguage, type Phrases, phrasesIn, shown } from './phrases.ts'

/** Lines that belong together, under a title. */
export interface ConsentGroup {
  kind: ConsentKind
  title: string
  lines: readonly ConsentLine[]
}

const KINDS: readonly ConsentKind[] = ['control', 'private', 'write', 'read', 'not']

const describeAccount = (lines: Lines, { words }: Phrases, { attr, action }: AccountPermission): void => {
  const isManaged = action.includes('manage')
  switch (attr) {
    case 'email':
      return lines.add('private', isManaged ? words.account.emailManage : words.account.email)
    case 'repo':
      return isManaged
        ? lines.add('control', words.account.repoManage)
        : lines.add('read', words.account.repo)
    case 'status':
      return isManaged
        ? lines.add('control', words.account.statusManage)
        : lines.add('read', words.account.status)
  }
}

const describeBlobs = (
  lines: Lines,
  { words, list }: Phrases,
  permissions: readonly Pick<BlobPermission, 'accept'>[],
): void => {
  const types = [...new Set(permissions.flatMap(({ accept }) => accept))]
  if (types.length === 0) return
  const named = types.includes('*/*') ? ['*/*'] : types
  lines.add('write', words.upload(list(named.map((type) => words.types[type] ?? words.typed(shown(type))))))
}

const describeStatic = (lines: Lines, { words }: Phrases, value: StaticScopeValue): void => {
  switch (value) {
    case 'atproto':
      return lines.add('read', words.who)
    case 'transition:email':
      return lines.add('private', words.account.email)
    case 'transition:chat.bsky':
      lines.add('private', words.messages.read)
      return lines.add('private', words.messages.write)
    case 'transition:generic':
      lines.add('private', words.rpc.everythingButMessages)
  }
}

/** What is not granted, of what people ask about first. */
const describeRest = (
  lines: Lines,
  { words: { not } }: Phrases,
  expanded: string,
  open: { readsMessages: boolean; writesMessages: boolean; writes: boolean },
): void => {
  const { allows } = readPermissions(expanded)
  const { readsMessages, writesMessages, writes } = open
  if (!readsMessages || !writesMessages)
    lines.add('not', readsMessages ? not.writeMessages : writesMessages ? not.readMessages : not.messages)
  if (!allows({ resource: 'identity', attr: '*' }))
    lines.add('not', allows({ resource: 'identity', attr: 'handle' }) ? not.move : not.identity)
  const replaces = allows({ resource: 'account', attr: 'repo', action: 'manage' })
  if (!writes && !replaces) lines.add('not', not.write)
  if (!allows({ resource: 'account', attr: 'email', action: 'read' })) lines.add('not', not.email)
  if (!allows({ resource: 'account', attr: 'status', action: 'manage' })) lines.add('not', not.status)
  if (!replaces) lines.add('not', not.repo)
  lines.add('not', not.ever)
}

/**
 * A scope in words that a person understands, what is most at stake first, and last what it does not open. Each part of
 * the scope has its words, also one that this server does not know. `expanded` is as `Scopes.expand` gives it.
 */
export const describeScope = (expanded: string, language: ConsentLanguage): ConsentGroup[] => {
  const lines = new Lines()
  const phrases = phrasesIn(language)
  const { words } = phrases
  const values = [...new Set(expanded.split(' '))].filter((value) => value !== '')
  const scopes = values.map((value) => parseScope(value))
  scopes.forEach((scope, n) => {
    if (scope?.kind === 'identity')
      lines.add('control', scope.permission.attr === '*' ? words.identity.all : words.identity.handle)
    else if (scope?.kind === 'account') describeAccount(lines, phrases, scope.permission)
    else if (scope?.kind === 'include') lines.add('control', words.include(scope.set.nsid))
    else if (scope?.kind === 'static') describeStatic(lines, phrases, scope.value)
    else if (!scope) lines.add('control', words.unknown(shown(values[n] ?? '')))
  })
  const isGeneric = values.includes('transition:generic')
  const isChat = values.includes('transition:chat.bsky')
  const repo = scopes.flatMap((scope) => (scope?.kind === 'repo' ? [scope.permission] : []))
  if (isGeneric) repo.push(new RepoPermission(['*'], ['create', 'update', 'delete']))
  describeRepo(lines, phrases, repo)
  const blobs = scopes.flatMap((scope) => (scope?.kind === 'blob' ? [scope.permission] : []))
  describeBlobs(lines, phrases, [...blobs, ...(isGeneric ? [{ accept: ['*/*'] as const }] : [])])
  const rpc = scopes.flatMap((scope) => (scope?.kind === 'rpc' ? [scope.permission] : []))
  const messages = describeRpc(lines, phrases, rpc)
  describeRest(lines, phrases, expanded, {
    readsMessages: isChat || messages.readsMessages,
    writesMessages: isChat || messages.writesMessages,
    writes: repo.length > 0,
  })
  return KINDS.map((kind) => ({ kind, title: words.groups[kind], lines: lines.of(kind) })).filter(
    (group) => group.lines.length > 0,
  )
}
