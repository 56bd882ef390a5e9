import { expect } from 'vitest'
import type { World } from './world.ts'

/** Two of the three relays that `answerAsRelays` plays, as the configuration has them. */
export const RELAYS = 'https://one.example.com https://two.example.com/'

/** Answers as three relays do. What they are asked is written down; what they answer can be changed. */
export const answerAsRelays = ({ clock, hosts }: Pick<World, 'clock' | 'hosts'>) => {
  const asked: { host: string; at: number; body: unknown }[] = []
  const answer = { status: 200 }
  for (const host of ['one.example.com', 'two.example.com', 'three.example.com'])
    hosts.set(host, (url, init) => {
      asked.push({ host, at: clock.now, body: JSON.parse(String(init?.body)) })
      expect(url.pathname).toBe('/xrpc/com.atproto.sync.requestCrawl')
      expect(new Headers(init?.headers).get('authorization')).toBe(null)
      return answer.status === 200
        ? new Response(null, { status: 200 })
        : Response.json({ error: 'HostBanned', message: 'no \u001b[31mthanks' }, { status: answer.status })
    })
  return { asked, answer }
}
