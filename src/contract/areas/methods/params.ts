import { inWords, type Answer, type Ask, type Query } from '../../ask.ts'
import type { Mistake } from '../../lexicon/createViolator.ts'
import type { Method } from '../../lexicon/lexiconSet.ts'
import { createRule } from '../../createRule.ts'
import type { Area, Rule, Run } from '../../types.ts'
import { createMethodRequests, type Caller, type MethodRequests } from './methodRequests.ts'
import { expectRefusal, mustBeJudged } from './refusals.ts'
import { whyClosed } from './whyClosed.ts'

const LEXICON = 'https://atproto.com/specs/lexicon'

const rule = createRule('params')

const RULES = {
  missing: rule('required', 'must', 'A required parameter that is missing is refused.', `${LEXICON}#params`),
  type: rule('type', 'must', 'A number that is not one is refused.', `${LEXICON}#integer`),
  format: rule('format', 'must', 'A text that is not of its format is refused.', `${LEXICON}#string-formats`),
  bounds: rule(
    'bounds',
    'must',
    'A number, a length or a choice outside of what the lexicon allows is refused.',
    `${LEXICON}#integer`,
  ),
} as const satisfies Record<Mistake, Rule>

const house = rule(
  'house-name',
  'house',
  'A mistake in the parameters is 400 InvalidRequest.',
  'docs/architecture.md; @atproto/xrpc-server answers so',
)

const unknown = rule(
  'unknown-ignored',
  'should',
  'An unknown parameter changes nothing.',
  `${LEXICON}#lexicon-evolution: newer clients send parameters that an older server does not know`,
)

const defaults = rule(
  'default',
  'must',
  'A parameter that is left out has the default of the lexicon.',
  `${LEXICON}#params`,
)

const strict = rule(
  'strict',
  'house',
  'What is not exactly a number or a boolean, and a single parameter that is given twice, is refused.',
  'docs/architecture.md: what is ambiguous is a mistake of the caller',
)

const TIMES = /"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[^"]{0,12}"/g

/** Two answers that say what the server's clock says differ in that: times of the last minute are all the same here. */
const timeless = ({ bytes }: Answer, now: number): string =>
  new TextDecoder('latin1')
    .decode(bytes)
    .replaceAll(TIMES, (time) => (Math.abs(now - Date.parse(time.slice(1, -1))) < 60_000 ? '"now"' : time))

/** What a Cirrus does not read leniently. */
function* vague(method: Method, valid: Query): Generator<{ name: string; query: Query }> {
  for (const [name, { type }] of Object.entries(method.params)) {
    if (type === 'integer') yield { name: `${name}: a fraction`, query: { ...valid, [name]: '1.5' } }
    if (type === 'integer')
      yield { name: `${name}: a number and a word`, query: { ...valid, [name]: '1abc' } }
    if (type === 'boolean') yield { name: `${name}: a word`, query: { ...valid, [name]: 'maybe' } }
    const value = valid[name]
    if (type !== 'array' && typeof value === 'string')
      yield { name: `${name}: given twice`, query: { ...valid, [name]: [value, value] } }
  }
}

async function checkDefaults(
  run: Run,
  requests: MethodRequests,
  method: Method,
  caller: Caller,
): Promise<void> {
  const valid = requests.query(method)
  for (const [name, schema] of Object.entries(method.params)) {
    if (schema.default === undefined || name in valid) continue
    const explicit = String(schema.default)
    const place = {
      subject: method.id,
      case: `${name}: its default`,
      expected: `the same as ${name}=${explicit}`,
    }
    await run.expect(defaults, place, async (ask) => {
      const both = async (fresh: Partial<Ask>): Promise<boolean> => {
        const without = await ask(method.id, { ...requests.valid(method, caller.headers), ...fresh })
        const withIt = await ask(
          method.id,
          requests.valid(method, caller.headers, { ...valid, [name]: explicit }),
        )
        mustBeJudged(without)
        mustBeJudged(withIt)
        const now = run.deps.now()
        return without.status === withIt.status && timeless(without, now) === timeless(withIt, now)
      }
      // Something may have changed between the two.
      if ((await both({})) || (await both({ reuse: false }))) return undefined
      return `another answer without it than with ${name}=${explicit}`
    })
  }
}

/** The parameters of queries. */
export const params: Area = {
  name: 'params',
  rules: [...Object.values(RULES), house, unknown, defaults, strict],
  requests: (run) =>
    run.lexicons.methods.filter(({ id, kind }) => kind === 'query' && run.serves(id)).length * 4,
  async check(run) {
    const requests = createMethodRequests(run)
    for (const method of run.lexicons.methods)
      if (run.serves(method.id) && !requests.methods.includes(method))
        run.unclear(
          RULES.missing,
          { subject: method.id, case: 'valid parameters' },
          'nothing satisfies what the lexicon requires',
        )
    for (const method of requests.methods.filter(({ kind }) => kind === 'query')) {
      const subject = method.id
      const hasParams = Object.keys(method.params).length > 0
      const caller = await requests.caller(method)
      if (!caller) {
        const reason = whyClosed(run, subject)
        if (hasParams) run.unclear(RULES.missing, { subject, case: 'parameters' }, reason)
        continue
      }
      const { headers } = caller
      const valid = requests.query(method)
      for (const { name, mistake, value } of requests.violator.queries(method, run.found.known))
        await expectRefusal(
          run,
          { rule: RULES[mistake], house, errors: ['InvalidRequest'] },
          { subject, case: name },
          { query: value, headers },
        )
      for (const { name, query } of vague(method, valid))
        await expectRefusal(
          run,
          { rule: strict, house, errors: ['InvalidRequest'] },
          { subject, case: name },
          { query, headers },
        )
      if (requests.valid(method).take === undefined || hasParams)
        await run.expect(unknown, { subject, case: 'an unknown parameter' }, async (ask) => {
          const plain = await ask(subject, requests.valid(method, headers))
          const query = { ...valid, contractSuiteUnknown: '1' }
          const answer = await ask(subject, requests.valid(method, headers, query))
          mustBeJudged(answer)
          return answer.status === plain.status
            ? undefined
            : `${inWords(answer)}; without it ${inWords(plain)}`
        })
      await checkDefaults(run, requests, method, caller)
    }
  },
}
