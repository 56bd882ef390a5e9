import { isOpenToAnyone, type CredentialKind, type Rule as PolicyRule } from '../../../policy.ts'
import type { Method } from '../../lexicon/lexiconSet.ts'
import type { Rule, Run } from '../../types.ts'
import { BAD_CREDENTIALS } from './badCredentials.ts'
import { policyOf } from './policyOf.ts'
import { callers, type MethodRequests } from './methodRequests.ts'
import { expectedErrors, notNamed } from './refusals.ts'

const ALL = ['source', 'target', 'daily'] as const

const names: Rule = {
  id: 'credentials.house-name',
  sentence:
    'No credential is 401 AuthMissing, a bad one 400 InvalidToken, a wrong password 401 AuthenticationRequired, at public reads, too.',
  level: 'house',
  source: 'docs/architecture.md; src/policy.ts',
  profiles: ALL,
}

const weak: Rule = {
  id: 'credentials.house-weak',
  sentence: 'A good credential that does not open the method is 400 InvalidToken.',
  level: 'house',
  source: 'src/policy.ts',
  profiles: ALL,
}

export const HOUSE_CREDENTIALS: readonly Rule[] = [names, weak]

/** No credential changes the answer, so a bad one may be ignored as well as refused. */
export const ignoresCredentials = (row: PolicyRule): boolean => row.lenient === true || isOpenToAnyone(row)

/** The kind of credential as which the policy sees one of this kind. */
export const seenAs = ({ who, lenient }: PolicyRule, kind: CredentialKind): CredentialKind => {
  if (Object.keys(who).join() === 'anyone') return 'anyone'
  // A service token is not even looked at here: what is wrong with it is said where anyone is refused.
  const isServiceToken = kind === 'service' || kind === 'blobUpload'
  return lenient && who[kind] === undefined && !isServiceToken ? 'anyone' : kind
}

/** Which credential of a Cirrus is refused how. */
export async function checkHouseCredentials(
  run: Run,
  requests: MethodRequests,
  method: Method,
): Promise<void> {
  const row = policyOf(method.id)
  if (!row) return
  const refused = (rule: Rule, name: string, headers: Record<string, string>, error: string) =>
    run.expect(rule, { subject: method.id, case: name, expected: expectedErrors([error]) }, async (ask) =>
      notNamed(await ask(method.id, requests.doomed(method, headers)), [error]),
    )
  if (!row.who.anyone) await refused(names, 'no credential', {}, 'AuthMissing')
  if (ignoresCredentials(row)) return
  for (const { name, header, error } of BAD_CREDENTIALS(run.found.known.did))
    await refused(names, name, { authorization: header }, error)
  for (const { kind, headers } of await callers(run))
    if (kind !== 'anyone' && !row.who[kind])
      await refused(weak, `a credential of the kind ${kind}`, headers, 'InvalidToken')
}
