import { isObject, type JsonObject } from '../../../isObject.ts'
import { DirectoryError } from '../../../plc/directory.ts'
import { inWords, type Answer } from '../../ask.ts'
import { confirmByMail } from '../../mailedCode.ts'
import { directoryHint, plcDirectory } from '../../plcDirectory.ts'
import { Unclear, type Area, type OwnSession, type Run } from '../../types.ts'
import { postAsOwner } from '../asOwner.ts'
import { fieldsOf, notDone } from '../fieldsOf.ts'
import { notRefused } from '../methods/refusals.ts'
import { difference, invalidity, type Head } from './judgeOperation.ts'
import * as rules from './rules.ts'
import { wantedOperation } from './wantedOperation.ts'

const { REQUEST, SIGN } = rules
const CASE = 'with the mailed code'

/** The newest operation of the DID. Rejects with `Unclear` where the directory does not tell it. */
async function headOf(run: Run, did: string): Promise<Head> {
  try {
    const { cid, data } = await plcDirectory(run).directory.head(did)
    if (data) return { cid, data }
  } catch (cause) {
    if (!(cause instanceof DirectoryError)) throw cause
    throw new Unclear(`the log of ${did} is not known: ${cause.message}${directoryHint(run, did)}`)
  }
  throw new Unclear(`${did} has been tombstoned`)
}

/** Asks for the code. False if the server does not take the request. */
async function requestCode(run: Run, session: OwnSession): Promise<boolean> {
  let isSent = false
  await run.expect(rules.mailsCode, { subject: REQUEST, case: 'by the owner' }, async (ask) => {
    const answer = await ask(REQUEST, postAsOwner(session))
    isSent = answer.status === 200
    return notDone(answer)
  })
  return isSent
}

/** Has an operation signed with a mailed code, and judges it by the log as it was before. */
async function checkSigning(run: Run, session: OwnSession, head: Head): Promise<void> {
  const wanted = await wantedOperation(run, head.data)
  let code = ''
  let signed: JsonObject | undefined
  const ask = (fields: JsonObject) => postAsOwner(session, { ...fields, token: code })
  const mailedAt = run.deps.now()
  if (!(await requestCode(run, session))) return
  await run.expect(
    rules.onlyThatCode,
    { subject: SIGN, case: 'with a made-up code, while another one is good' },
    async (asking) =>
      notRefused(await asking(SIGN, postAsOwner(session, { ...wanted, token: 'AAAAA-BBBBB' }))),
  )
  await run.expect(rules.signs, { subject: SIGN, case: CASE }, async (asking) => {
    const { did, handle } = session
    const answer: Answer = await confirmByMail(run, {
      about: { purpose: 'plc-signature', did, handle },
      mailedAt,
      send: () => asking(REQUEST, postAsOwner(session)),
      use: (given) => {
        code = given
        return asking(SIGN, ask({ ...wanted }))
      },
    })
    const { operation } = fieldsOf(answer)
    if (isObject(operation)) signed = operation
    return notDone(answer) ?? (signed ? undefined : `${inWords(answer)}, and no operation in it`)
  })
  const given = signed
  if (!given) {
    for (const rule of [rules.isValid, rules.asAsked, rules.notSent, rules.codeOnce])
      run.unclear(rule, { subject: SIGN, case: CASE }, 'nothing was signed')
    return
  }
  await run.expect(rules.isValid, { subject: SIGN, case: CASE }, () => invalidity(given, head))
  await run.expect(rules.asAsked, { subject: SIGN, case: CASE }, async () => difference(given, wanted))
  await run.expect(
    rules.codeOnce,
    { subject: SIGN, case: 'another operation with the same code' },
    async (asking) =>
      notRefused(
        await asking(
          SIGN,
          ask({ ...wanted, alsoKnownAs: [...wanted.alsoKnownAs, 'at://another.example.com'] }),
        ),
      ),
  )
  await run.expect(rules.notSent, { subject: SIGN, case: CASE }, async () => {
    const { cid } = await headOf(run, session.did)
    return cid === head.cid ? undefined : `the newest operation was ${head.cid}, and is ${cid} now`
  })
}

/**
 * What comes after the code that a server mails to the owner: the signature. Only where somebody reads the mail. The signed
 * operation is judged, sent nowhere and kept nowhere.
 */
export const signature: Area = {
  name: 'signature',
  rules: rules.RULES,
  requests: (run) => (run.mailedCode ? 6 : 0),
  async check(run) {
    if (!run.write || !run.mailedCode || !run.serves(REQUEST) || !run.serves(SIGN)) return
    const session = await run.session()
    if (!session) return
    try {
      await checkSigning(run, session, await headOf(run, session.did))
    } catch (cause) {
      if (!(cause instanceof Unclear)) throw cause
      run.unclear(rules.signs, { subject: SIGN, case: CASE }, cause.message)
    }
  },
}
