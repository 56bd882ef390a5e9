import { describe, expect, it } from 'vitest'
import { mount, problem, type Seen } from './support.ts'

const DID = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
const CID = 'bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a'

const given: Seen['params'][] = []
const page = mount('com.atproto.repo.listRecords', ({ params }) => {
  given.push(params)
  return { records: [] }
})
const records = `com.atproto.repo.listRecords?repo=${DID}&collection=app.bsky.feed.post`

describe('parameters', () => {
  it('are decoded by their type, and get their defaults', async () => {
    expect((await page(`${records}&limit=7&reverse=true&cursor=x`)).status).toBe(200)
    expect(given.at(-1)).toEqual({
      repo: DID,
      collection: 'app.bsky.feed.post',
      limit: 7,
      reverse: true,
      cursor: 'x',
    })
    await page(records)
    expect(given.at(-1)).toEqual({ repo: DID, collection: 'app.bsky.feed.post', limit: 50 })
  })

  it('are ignored if they are unknown, and absent if they are empty', async () => {
    await page(`${records}&limit=&unknown=1&__proto__=x&constructor=y`)
    expect(given.at(-1)).toEqual({ repo: DID, collection: 'app.bsky.feed.post', limit: 50 })
  })

  it('are an empty object where a method has none', async () => {
    const seen: unknown[] = []
    const server = mount('app.bsky.actor.getPreferences', ({ params }) => {
      seen.push(params)
      return { preferences: [] }
    })
    await server('app.bsky.actor.getPreferences?limit=1')
    expect(seen).toEqual([{}])
  })

  it.for([
    [
      'a missing one',
      `com.atproto.repo.listRecords?repo=${DID}`,
      'Params must have the property "collection"',
    ],
    ['one of the wrong format', `${records.replace(DID, 'nobody!')}`, 'repo must be a valid did or a handle'],
    ['a word for a number', `${records}&limit=abc`, 'Parameter "limit": expected an integer, got "abc"'],
    ['a fraction', `${records}&limit=1.5`, 'Parameter "limit": expected an integer, got "1.5"'],
    ['a number and more', `${records}&limit=10abc`, 'Parameter "limit": expected an integer, got "10abc"'],
    ['an exponent', `${records}&limit=1e1`, 'Parameter "limit": expected an integer, got "1e1"'],
    ['a number beyond what is safe', `${records}&limit=9007199254740993`, 'expected an integer'],
    ['one below the minimum', `${records}&limit=0`, 'limit can not be less than 1'],
    ['one above the maximum', `${records}&limit=101`, 'limit can not be greater than 100'],
    ['a vague boolean', `${records}&reverse=1`, 'Parameter "reverse": expected true or false, got "1"'],
    ['one given twice', `${records}&limit=1&limit=2`, 'Parameter "limit": given 2 times, expected once'],
  ] as const)('refuses %s', async ([, path, message]) => {
    const [status, error, text] = await problem(await page(path))
    expect([status, error]).toEqual([400, 'InvalidRequest'])
    expect(text).toContain(message)
  })

  it('repeat their name for each item of an array', async () => {
    const cids: unknown[] = []
    const server = mount('com.atproto.sync.getBlocks', ({ params }) => {
      cids.push(params.cids)
      return { encoding: 'application/vnd.ipld.car', body: new Blob([]).stream() }
    })
    const path = `com.atproto.sync.getBlocks?did=${DID}`
    await server(`${path}&cids=${CID}`)
    await server(`${path}&cids=${CID}&cids=&cids=${CID}`)
    expect(cids).toEqual([[CID], [CID, CID]])
    expect((await server(path)).status).toBe(400)
    expect((await server(`${path}&cids=`)).status).toBe(400)
    expect((await server(`${path}&cids=${CID}&cids=none`)).status).toBe(400)
  })

  it('are never echoed at length', async () => {
    const [, , text] = await problem(await page(`${records}&limit=${'9'.repeat(5000)}`))
    expect(text.length).toBeLessThan(200)
  })
})
