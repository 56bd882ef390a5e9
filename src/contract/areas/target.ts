import { subscribeRepos } from '../../client/subscribe.ts'
import { rehearseTarget } from '../../mover/rehearseTarget/rehearseTarget.ts'
import { TARGET_CHECKS } from '../../mover/rehearseTarget/targetChecks.ts'
import type { Finding as Rehearsed, RehearsedAccount } from '../../mover/rehearseTarget/types.ts'
import { parseJsonObject } from '../../parseJsonObject.ts'
import { curlLine } from '../ask.ts'
import type { Exchange } from '../exchange.ts'
import type { Area, ContractDeps, Rule, Run } from '../types.ts'
import { inWords } from '../ask.ts'
import { deleteByMail, requestDeletion } from './deletion/deleteByMail.ts'

const ruleOf = ({
  id,
  level,
  expected,
  source,
}: Pick<Rehearsed, 'id' | 'expected' | 'source'> & { level: 'must' | 'should' }): Rule => ({
  id: `target.${id}`,
  sentence: `${expected}.`,
  level,
  source,
  profiles: ['target'],
})

const RULES = TARGET_CHECKS.map(ruleOf)
const byId = new Map(RULES.map((rule) => [rule.id, rule]))

const isLocal = (url: string): boolean => /^(localhost|127\.0\.0\.1|\[::1\])$/.test(new URL(url).hostname)

/** A fetch that keeps what is asked of one server, until it is taken. */
function recordingFetch(
  deps: ContractDeps,
  { origin, redact, hide }: Pick<Run, 'origin' | 'redact' | 'hide'>,
) {
  const exchanges: Exchange[] = []
  return {
    take: () => exchanges.splice(0),
    async fetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
      const request = new Request(input, init)
      const response = await deps.fetch(request)
      if (new URL(request.url).origin === origin) {
        const { method: verb, url } = request
        const headers = Object.fromEntries([...request.headers].filter(([name]) => name !== 'authorization'))
        const body = typeof init?.body === 'string' ? init.body : undefined
        const { password } = parseJsonObject(body ?? '')
        if (typeof password === 'string') hide(password)
        exchanges.push({
          curl: redact(curlLine(url, { verb, headers, ...(body === undefined ? {} : { body }) })),
          status: response.status,
          headers: Object.fromEntries(response.headers),
          body: '',
        })
      }
      return response
    },
  }
}

/** Deletes the account that has moved in, with the code that its server mails. */
async function removeAccount(run: Run, { session, password }: RehearsedAccount): Promise<void> {
  for (const secret of [password, session.accessJwt, session.refreshJwt]) run.hide(secret)
  const account = { session, password }
  const mailedAt = run.deps.now()
  const asked = await requestDeletion(run.ask, account)
  const answer = asked.status === 200 ? await deleteByMail(run, run.ask, account, mailedAt) : asked
  if (answer.status !== 200) throw new Error(inWords(answer))
}

/** Moves a made-up account to the server, as its owner's mover would. Only where a DID may be made for it. */
export const target: Area = {
  name: 'target',
  rules: RULES,
  async check(run: Run) {
    if (!run.write || !run.throwAway?.movesIn) return
    const { deps, origin, plcUrl } = run
    const recorded = recordingFetch(deps, run)
    // The address has room for one account: that of the run must be gone.
    const readsMail = run.mailedCode !== undefined && run.isGone()
    let account: { did: string; handle: string } | undefined
    const rehearsed = await rehearseTarget(
      {
        fetch: recorded.fetch,
        now: () => deps.now(),
        random: (length) => deps.random(length),
        wait: (ms) => deps.sleep(ms),
        signal: deps.signal,
        directoryUrl: plcUrl,
        dev: isLocal(origin) || isLocal(plcUrl),
        events: (from, signal) => subscribeRepos(from, { signal, WebSocket: deps.WebSocket }),
      },
      {
        target: origin,
        inviteCode: run.throwAway.inviteCode,
        ...(readsMail
          ? { email: run.throwAway.email, removeAccount: (made) => removeAccount(run, made) }
          : {}),
        onAccount: (made) => void (account = made),
        onFinding(finding) {
          const rule = byId.get(`target.${finding.id}`)
          if (!rule) return
          const place = { subject: 'a move', case: finding.id }
          if (finding.seen.startsWith('not asked, because')) run.unclear(rule, place, finding.seen)
          else
            run.judge(
              rule,
              place,
              finding.level === 'pass' ? undefined : finding.seen,
              recorded.take().map((exchange) => ({ exchange })),
            )
        },
      },
    ).catch((cause: unknown) => {
      // It may have got as far as to make the account, or not.
      if (account)
        run.stays(`${account.handle} (${account.did}), if it was made: its administrator can delete it`)
      throw cause
    })
    for (const what of rehearsed.left) run.stays(what)
    const { handle, did } = rehearsed
    if (readsMail && rehearsed.left.length === 0)
      run.removed(
        `the account ${handle} that moved in, of which only the DID stays in the directory (${did})`,
      )
  },
}
