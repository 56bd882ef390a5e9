/** A few of the faults of methods, found by somebody who has no account on the server, one for each way to see them. */
import { describe, expect, it } from 'vitest'
import { describeFaults } from './describeFaults.ts'
import { seededFaults } from './seededFaults.ts'

const SEEN = [
  'no web page may read it',
  'a page in place of an error',
  'a required field is left out',
  'a query by POST',
  'a preflight is refused',
  'a public read needs a credential',
  'without an account, that of the server',
  'everybody has a repository here',
  'invite codes for anyone',
  'app passwords for anyone',
  'the signature of a token is not looked at',
  'the body is looked at before the credential',
  'a sign-in with JSON that is cut makes it fail',
  'anyone signs in',
]

const seen = seededFaults.filter(({ name }) => SEEN.includes(name))

describe('a fault of a real Worker is found by a stranger', () => {
  describeFaults(seen, { asStranger: true })

  it('each of the list is a fault', () => expect(seen).toHaveLength(SEEN.length))
})
