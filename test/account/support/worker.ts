import { DurableObject } from 'cloudflare:workers'

/** An object with nothing but its storage: the tests build the account's parts on it. */
export class Account extends DurableObject {}

export default { fetch: () => new Response('storage tests only', { status: 404 }) }
