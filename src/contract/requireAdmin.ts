import { inWords, type Asking } from './ask.ts'
import { ContractError } from './contractError.ts'

/** Throws where the admin password of a Cirrus is wrong: each further try of it would count against the limits. */
export async function requireAdmin(ask: Asking, password: string): Promise<void> {
  const bytes = new TextEncoder().encode(`admin:${password}`)
  const answer = await ask('com.cirrus.admin.getStatus', {
    headers: { authorization: `Basic ${btoa(String.fromCharCode(...bytes))}` },
  })
  if (answer.status === 401)
    throw new ContractError('sign-in-refused', `the admin password was refused: ${inWords(answer)}`)
}
