import { inWords, type Ask } from '../../ask.ts'
import type { Mistake } from '../../lexicon/createViolator.ts'
import type { Method, Schema } from '../../lexicon/lexiconSet.ts'
import { createRule } from '../../createRule.ts'
import type { Area, Rule, Run } from '../../types.ts'
import { callers, createMethodRequests, type Caller, type MethodRequests } from './methodRequests.ts'
import { expectRefusal, isAuthRefusal, mustBeJudged } from './refusals.ts'
import { whyClosed } from './whyClosed.ts'

const LEXICON = 'https://atproto.com/specs/lexicon'
const XRPC = 'https://atproto.com/specs/xrpc'

const rule = createRule('bodies')

const FIELDS = {
  missing: rule('required', 'must', 'A body without a required field is refused.', `${LEXICON}#object`),
  type: rule('type', 'must', 'A field of another type is refused.', `${LEXICON}#overview-of-types`),
  format: rule('format', 'must', 'A text that is not of its format is refused.', `${LEXICON}#string-formats`),
  bounds: rule(
    'bounds',
    'must',
    'A number, a length or a choice outside of what the lexicon allows is refused.',
    `${LEXICON}#field-type-definitions`,
  ),
} as const satisfies Record<Mistake, Rule>

const json = rule(
  'json',
  'must',
  'A body that is not JSON, where JSON is declared, is refused.',
  `${XRPC}#lexicon-http-endpoints`,
)
const declared = rule(
  'encoding',
  'must',
  'A body of another content type than the declared one is refused.',
  `${XRPC}#lexicon-http-endpoints: the schema can require an exact MIME type`,
)
const typed = rule(
  'content-type',
  'should',
  'A body without a content type is refused.',
  `${XRPC}#summary-of-http-headers: if a body is present, the header should be, too; @atproto/xrpc-server refuses it`,
)
const utf8 = rule(
  'utf8',
  'should',
  'A body that is not UTF-8 is refused.',
  'https://www.rfc-editor.org/rfc/rfc8259#section-8.1; what replaces the bytes would be signed and stored',
)
const unknown = rule(
  'unknown-fields',
  'should',
  'An unknown field changes nothing.',
  `${LEXICON}#lexicon-evolution: newer clients send fields that an older server does not know`,
)
const none = rule(
  'none-declared',
  'house',
  'A body where none is declared is refused.',
  'docs/architecture.md; @atproto/xrpc-server refuses it',
)
const house = rule(
  'house-name',
  'house',
  'A mistake in a body is 400 InvalidRequest.',
  'docs/architecture.md; @atproto/xrpc-server answers so',
)

const UNKNOWN_NAME = 'contractSuiteUnknown'

interface Place {
  readonly run: Run
  readonly requests: MethodRequests
  readonly method: Method
  readonly caller: Caller
}

const post = ({ requests, method, caller }: Place, type: string | undefined, body: Ask['body']): Ask => ({
  verb: 'POST',
  query: requests.query(method),
  headers: { ...caller.headers, ...(type === undefined ? {} : { 'content-type': type }) },
  ...(body === undefined ? {} : { body }),
})

/** Bodies with a mistake. */
async function checkMistakes(place: Place): Promise<void> {
  const { run, requests, method } = place
  const { input } = method
  const refuse = (one: Rule, name: string, ask: Ask): Promise<void> =>
    expectRefusal(
      run,
      { rule: one, house, errors: ['InvalidRequest'] },
      { subject: method.id, case: name },
      ask,
    )
  const bytes = new TextEncoder().encode('{}')
  if (!input) return refuse(none, 'a body where none is declared', post(place, 'text/plain', 'x'.repeat(100)))
  // A server may find the type of any bytes by itself, and would keep them.
  if (input.encoding === '*/*')
    return refuse(typed, 'a content type that is not one', post(place, '!', bytes))
  if (input.encoding.includes('*')) return
  await refuse(typed, 'no content type', post(place, undefined, bytes))
  await refuse(declared, 'a wrong content type', post(place, 'text/plain', bytes))
  if (!input.schema || input.encoding !== 'application/json') return
  const send = (value: unknown): Ask => post(place, 'application/json', JSON.stringify(value))
  await refuse(json, 'a body that is cut off', post(place, 'application/json', '{"a":'))
  const notUtf8 = new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31])
  await refuse(utf8, 'a body that is not UTF-8', post(place, 'application/json', notUtf8))
  const schema: Schema = input.schema
  // Some servers treat a list as an object without members, and would do what it asks for.
  if (schema.required?.length) await refuse(FIELDS.type, 'a list', send([]))
  for (const { name, mistake, value } of requests.violator.values(schema, run.found.known))
    await refuse(FIELDS[mistake], name, send(value))
}

/** A field that is not declared, in a body that is refused for what it says all the same. */
async function checkUnknownField(place: Place): Promise<void> {
  const { run, method } = place
  if (method.id !== 'com.atproto.server.createSession') return
  const body = { identifier: 'nobody.example.com', password: 'this-is-not-it' }
  await run.expect(unknown, { subject: method.id, case: 'an unknown field' }, async (ask) => {
    const send = (value: unknown) =>
      ask(method.id, { ...post(place, 'application/json', JSON.stringify(value)), reuse: true })
    const plain = await send(body)
    const answer = await send({ ...body, [UNKNOWN_NAME]: 1 })
    mustBeJudged(plain)
    mustBeJudged(answer)
    return answer.status === plain.status ? undefined : `${inWords(answer)}; without it ${inWords(plain)}`
  })
}

/** The credential of the run with which bodies are read; undefined if there is none. */
async function sender(run: Run, requests: MethodRequests, method: Method): Promise<Caller | undefined> {
  if (method.input || !run.write) return requests.caller(method)
  // Nothing tells who may call it but a call. A body where none is declared is refused by a Cirrus only.
  if (!run.applies(none)) return undefined
  for (const caller of await callers(run)) {
    const ask: Ask = { verb: 'POST', headers: { ...caller.headers, 'content-type': 'text/plain' }, body: 'x' }
    if (!isAuthRefusal(await run.ask(method.id, ask))) return caller
  }
  return undefined
}

/** The bodies of procedures. As the account only with `write`: a server that does not look would act. */
export const bodies: Area = {
  name: 'bodies',
  rules: [...Object.values(FIELDS), json, declared, typed, utf8, unknown, none, house],
  requests: (run) =>
    run.lexicons.methods.filter(({ id, kind }) => kind === 'procedure' && run.serves(id)).length *
    (run.write ? 15 : 3),
  async check(run) {
    const requests = createMethodRequests(run)
    for (const method of requests.methods.filter(({ kind }) => kind === 'procedure')) {
      const found = await sender(run, requests, method)
      const caller = found?.kind === 'anyone' || run.write ? found : undefined
      if (!caller) {
        if (method.input)
          run.unclear(
            FIELDS.type,
            { subject: method.id, case: 'bodies' },
            run.write ? whyClosed(run, method.id) : 'bodies are sent as the account only with --write',
          )
        continue
      }
      await checkMistakes({ run, requests, method, caller })
      await checkUnknownField({ run, requests, method, caller })
    }
  },
}
