// Another process of an app: it has what was stored of a session, as JSON on its standard input, and posts.
import { text } from 'node:stream/consumers'
import { Agent } from '@atproto/api'
import { loopbackApp, Store } from './nodeClient.ts'

const { did, handleResolver, plcUrl, scope, stored } = JSON.parse(await text(process.stdin))
const sessions: Parameters<typeof loopbackApp>[1]['sessions'] = new Store()
sessions?.set(did, stored)
const { client } = loopbackApp({ handleResolver, plcUrl }, { scope, sessions })
const session = await client.restore(did, true)
const collection = 'app.bsky.feed.post'
const record = { $type: collection, text: 'from another process', createdAt: new Date().toISOString() }
const { data } = await new Agent(session).com.atproto.repo.createRecord({ repo: did, collection, record })
process.stdout.write(data.uri)
