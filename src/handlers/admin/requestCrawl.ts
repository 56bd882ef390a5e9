import type { Handler } from '../context.ts'

export const requestCrawl: Handler<'com.cirrus.admin.requestCrawl'> = async ({ account, input, error }) => {
  if (account.state() !== 'active')
    throw error('AccountNotActive', `the account is ${account.state()} here: there is nothing to crawl`)
  const relays = input.relays?.map((relay) => {
    if (!URL.canParse(relay))
      throw error(
        'InvalidRequest',
        `relays: expected origins such as https://bsky.network, got "${relay.slice(0, 200)}"`,
      )
    return new URL(relay).origin
  })
  return { hostname: account.config.hostname, results: await account.relays.ask(relays) }
}
