import { createRule } from '../../createRule.ts'
import type { Rule } from '../../types.ts'

const GUIDE = 'https://atproto.com/guides/account-migration#updating-identity'
const PLC = 'https://web.plc.directory/spec/v0.1/did-plc'

const rule = createRule('signature', ['source'])

export const REQUEST = 'com.atproto.identity.requestPlcOperationSignature'
export const SIGN = 'com.atproto.identity.signPlcOperation'

export const mailsCode = rule(
  'mails-code',
  'must',
  'The owner can ask for the code that a PLC signature takes.',
  `lexicon ${REQUEST}; ${GUIDE}`,
)
export const onlyThatCode = rule(
  'only-that-code',
  'must',
  'While a code is good, another one gets nothing signed.',
  `lexicon ${SIGN}: token, received through ${REQUEST}`,
)
export const signs = rule(
  'signs',
  'must',
  'With the code, a PLC operation is signed.',
  `lexicon ${SIGN}; ${GUIDE}`,
)
export const isValid = rule(
  'valid',
  'must',
  'The signed operation follows the newest one of the log, and is signed by a rotation key of the DID.',
  `${PLC}; ${GUIDE}`,
)
export const asAsked = rule(
  'as-asked',
  'must',
  'The signed operation sets exactly what was asked for.',
  `lexicon ${SIGN}: to update some value(s) in the requesting DID’s document; goat and pds move compare it with what they show`,
)
export const notSent = rule(
  'not-sent',
  'must',
  'A signature changes nothing in the directory: the owner, or the new server, sends the operation.',
  `lexicon com.atproto.identity.submitPlcOperation; ${GUIDE}`,
)
export const codeOnce = rule(
  'code-once',
  'should',
  'A code that has signed one operation signs no other.',
  'the reference PDS deletes a code with its use: one that is found in a mailbox later moves no account',
)

export const RULES: readonly Rule[] = [mailsCode, onlyThatCode, signs, isValid, asAsked, notSent, codeOnce]
