import { type Client, XrpcError } from '../../client/index.ts'
import { type SignedStatement, type Statement, statementDigest } from './statement.ts'

/** What a Cirrus does about a statement on an account that was on it. */
export interface Attestor {
  /** Signs the statement's hash with the account's key there. */
  sign(digest: string): Promise<string>
  /** Notes that everything is on that PDS: with that, what the Cirrus keeps of the move may be deleted in time. */
  record(verification: { pds: string; data: string; digest: string }): Promise<void>
}

/** A Cirrus, by its admin password. */
export const cirrusAttestor = (admin: Client): Attestor => ({
  async sign(digest) {
    return (await admin.com.cirrus.admin.signStatement({ digest })).signature
  },
  async record(verification) {
    await admin.com.cirrus.admin.recordVerification(verification)
  },
})

export interface Attested extends SignedStatement {
  /** Whether the source has noted that nothing is missing. */
  recorded: boolean
  /** Why it has not signed or noted it, if it should have. */
  problem?: string
}

/** Nothing of the source is missing on the target. */
const isWhole = ({ complete, source, records }: Statement): boolean =>
  complete && source !== undefined && records?.goneCount === 0

/** Has the source sign a statement, and note it if nothing is missing. A source that fails costs the statement nothing. */
export async function attest(statement: Statement, by: Attestor | undefined): Promise<Attested> {
  if (!by) return { statement, recorded: false }
  const digest = statementDigest(statement)
  const { source, target } = statement
  let signature: string | undefined
  try {
    signature = await by.sign(digest)
    const recorded = isWhole(statement) && source !== undefined
    if (recorded) await by.record({ pds: target.origin, data: source.data, digest })
    return { statement, signature, recorded }
  } catch (cause) {
    if (!(cause instanceof XrpcError)) throw cause
    return { statement, signature, recorded: false, problem: cause.message }
  }
}
