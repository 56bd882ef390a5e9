import { globSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

/** Errors that lexicons declare and this server never answers: what they are about does not exist here. */
const NEVER: Record<string, string> = {
  AccountTakedown: 'nobody moderates the one account',
  AuthFactorTokenRequired: 'there is no second factor',
  InvalidInviteCode: 'nobody is invited',
  RepoSuspended: 'nobody moderates the one account',
  RepoTakendown: 'nobody moderates the one account',
  UnsupportedDomain: 'createAccount takes the configured handle only',
}

/** The same of one method only. */
const NEVER_BY: Record<string, readonly string[]> = {
  // It takes the configured handle only, and answers HandleNotAvailable to any other.
  'com.atproto.server.createAccount': ['InvalidHandle'],
  // No mail is sent, so there is no code that could be wrong.
  'com.atproto.server.confirmEmail': ['AccountNotFound', 'ExpiredToken', 'InvalidToken', 'InvalidEmail'],
  'com.atproto.server.deleteAccount': ['ExpiredToken', 'InvalidToken'],
  'com.atproto.server.resetPassword': ['ExpiredToken', 'InvalidToken'],
  'com.atproto.server.updateEmail': ['ExpiredToken', 'InvalidToken', 'TokenRequired'],
  // An account without a repository is RepoNotFound, as for the other reads.
  'com.atproto.sync.getHead': ['HeadNotFound'],
  // Nobody is invited.
  'com.atproto.server.getAccountInviteCodes': ['DuplicateCreate'],
}

/** The absence of a record is an answer of this method, with its proof. */
const PROVED: Record<string, string> = { 'com.atproto.sync.getRecord': 'RecordNotFound' }

/** Methods whose errors are tested with what answers them. */
const ELSEWHERE: Record<string, string> = {
  'com.atproto.sync.subscribeRepos': 'test/account/events/firehose.worker.test.ts',
}

interface Lexicon {
  id: string
  defs: { main?: { errors?: { name: string }[] } }
}

const read = (path: string): string => readFileSync(path, 'utf8')

const declared: [method: string, error: string][] = globSync('lexicons/**/*.json')
  .toSorted()
  .map((path): Lexicon => JSON.parse(read(path)))
  .flatMap(({ id, defs }) => (defs.main?.errors ?? []).map(({ name }): [string, string] => [id, name]))

/** The text of the tests that stand for a method: those of its group that name it. */
const testsOf = (method: string): string => {
  const elsewhere = ELSEWHERE[method]
  if (elsewhere) return read(elsewhere)
  const [group = '', name = ''] = method.split('.').slice(-2)
  return globSync(`test/handlers/${group}/*.worker.test.ts`)
    .map(read)
    .filter((text) => text.includes(name))
    .join('\n')
}

describe('a declared error', () => {
  it.each(
    declared.filter(
      ([method, error]) =>
        !(error in NEVER) && !NEVER_BY[method]?.includes(error) && PROVED[method] !== error,
    ),
  )('of %s has a test: %s', (method, error) => {
    expect(testsOf(method).includes(`${error}'`)).toBe(true)
  })

  it('is on the list of those that are never answered only while no handler answers it', () => {
    const source = globSync('src/{account,handlers}/**/*.ts').map(read).join('\n')
    for (const error of Object.keys(NEVER))
      expect([error, source.includes(`'${error}'`)]).toEqual([error, false])
  })

  it('is on that list only while a lexicon declares it', () => {
    for (const error of Object.keys(NEVER)) expect(declared.map(([, name]) => name)).toContain(error)
  })
})
