import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findUnknown, getPostThread, unknownThread } from '../../../src/account/views/getPostThread.ts'
import type { JsonObject } from '../../../src/isObject.ts'
import type { LocalRecord } from '../../../src/account/views/view.ts'
import {
  assertAnswer,
  context,
  DID,
  OTHER,
  params,
  postUri,
  replyTo,
  shown,
  written,
} from './support/upstream.ts'

const THREAD = 'app.bsky.feed.defs#threadViewPost'

interface Node {
  $type?: string
  post: { uri: string; record?: unknown }
  replies?: Node[]
  parent?: Node
}

const node = (did: string, rkey: string, fields: Partial<Node> = {}, record: JsonObject = {}): Node => ({
  $type: THREAD,
  post: shown(did, rkey, 0, record),
  ...fields,
})

/** A thread as text: `root(reply(deeper) other)`. */
const outline = ({ post, replies }: Node): string => {
  const name = post.uri.slice(post.uri.lastIndexOf('/') + 1)
  return replies?.length ? `${name}(${replies.map(outline).join(' ')})` : name
}

const ROOT = postUri(OTHER, 'root')

const merged = (thread: unknown, posts: LocalRecord[], search = ''): Node | undefined => {
  const answer = getPostThread(context(posts), { thread }, params(search))
  if (answer) assertAnswer('app.bsky.feed.getPostThread', answer)
  return answer?.thread as Node | undefined
}

describe('a thread with replies that were just written', () => {
  it('has each under the post that it answers, the newest first', () => {
    const thread = node(OTHER, 'root', {
      replies: [node(OTHER, 'bob', {}, replyTo(ROOT))],
    })
    const posts = [
      written('one', 1, replyTo(ROOT)),
      written('two', 2, replyTo(ROOT)),
      written('toBob', 3, replyTo(postUri(OTHER, 'bob'), ROOT)),
      written('toOne', 4, replyTo(postUri(DID, 'one'), ROOT)),
      written('elsewhere', 5, replyTo(postUri(OTHER, 'other'))),
      written('noReply', 6),
    ]
    expect(outline(merged(thread, posts) as Node)).toBe('root(two one(toOne) bob(toBob))')
  })

  it('has them below a post in the middle of a thread', () => {
    const thread = node(OTHER, 'middle', {}, replyTo(ROOT))
    const posts = [
      written('below', 1, replyTo(postUri(OTHER, 'middle'), ROOT)),
      written('beside', 2, replyTo(ROOT)),
    ]
    expect(outline(merged(thread, posts) as Node)).toBe('middle(below)')
  })

  it('goes only as deep as the request says', () => {
    const posts = [written('one', 1, replyTo(ROOT)), written('two', 2, replyTo(postUri(DID, 'one'), ROOT))]
    expect(outline(merged(node(OTHER, 'root'), posts, 'depth=0') as Node)).toBe('root')
    expect(outline(merged(node(OTHER, 'root'), posts, 'depth=1') as Node)).toBe('root(one)')
    expect(outline(merged(node(OTHER, 'root'), posts) as Node)).toBe('root(one(two))')
  })

  it('does not repeat a reply that is there already', () => {
    const thread = node(OTHER, 'root', { replies: [node(DID, 'one', {}, replyTo(ROOT))] })
    const posts = [written('one', 1, replyTo(ROOT)), written('two', 2, replyTo(postUri(DID, 'one'), ROOT))]
    expect(outline(merged(thread, posts) as Node)).toBe('root(one(two))')
  })

  it('ends where a post answers itself, or two answer each other', () => {
    const posts = [
      written('self', 1, replyTo(postUri(DID, 'self'), ROOT)),
      written('a', 2, replyTo(postUri(DID, 'b'), ROOT)),
      written('b', 3, replyTo(postUri(DID, 'a'), ROOT)),
    ]
    expect(outline(merged(node(OTHER, 'root'), posts) as Node)).toBe('root')
    expect(outline(merged(node(DID, 'self', {}, replyTo(ROOT)), posts, 'depth=1000') as Node)).toBe('self')
  })

  it('is left as it is where nothing belongs into it, or it is not shown', () => {
    const posts = [written('elsewhere', 1, replyTo(postUri(OTHER, 'other')))]
    expect(merged(node(OTHER, 'root'), posts)).toBeUndefined()
    const notFound = { $type: 'app.bsky.feed.defs#notFoundPost', uri: ROOT, notFound: true }
    expect(merged(notFound, [written('one', 1, replyTo(ROOT))])).toBeUndefined()
  })

  it('has every reply of a tree of any form once, where its parent is in the tree', () => {
    const parents = fc.array(fc.nat(), { minLength: 1, maxLength: 10 })
    fc.assert(
      fc.property(parents, (choices) => {
        const posts = choices.map((choice, n) => {
          const parent = n === 0 || choice % (n + 1) === n ? ROOT : postUri(DID, `p${choice % n}`)
          return written(`p${n}`, n, replyTo(parent, ROOT))
        })
        const thread = merged(node(OTHER, 'root'), posts, 'depth=100') as Node
        const seen: string[] = []
        const walk = (at: Node): void => {
          seen.push(at.post.uri)
          for (const reply of at.replies ?? []) {
            const { parent } = (reply.post.record as { reply: { parent: { uri: string } } }).reply
            expect(parent.uri).toBe(at.post.uri)
            walk(reply)
          }
        }
        walk(thread)
        expect(seen.toSorted()).toEqual([ROOT, ...posts.map(({ uri }) => uri)].toSorted())
      }),
    )
  })
})

describe('a thread of a post that the service does not know yet', () => {
  const unknown = (posts: LocalRecord[], search: string, answer?: unknown): Node | undefined => {
    const setup = context(posts)
    const found = findUnknown(setup, params(search))
    if (!found) return undefined
    const result = unknownThread(setup, found, params(search), answer as JsonObject | undefined)
    assertAnswer('app.bsky.feed.getPostThread', result)
    return result.thread as Node
  }

  it('is built from what was written here, by the DID or the handle', () => {
    const posts = [written('new', 1), written('reply', 2, replyTo(postUri(DID, 'new')))]
    for (const authority of [DID, 'alice.test', 'Alice.Test'])
      expect(outline(unknown(posts, `uri=at://${authority}/app.bsky.feed.post/new`) as Node)).toBe(
        'new(reply)',
      )
    expect(unknown(posts, `uri=${postUri(DID, 'other')}`)).toBeUndefined()
    expect(unknown(posts, `uri=${postUri(OTHER, 'new')}`)).toBeUndefined()
    expect(unknown(posts, 'uri=nonsense')).toBeUndefined()
    expect(unknown(posts, '')).toBeUndefined()
  })

  it('has the posts above it, first those that were just written and then what the service knows', () => {
    const posts = [written('one', 1, replyTo(ROOT)), written('two', 2, replyTo(postUri(DID, 'one'), ROOT))]
    const search = `uri=${postUri(DID, 'two')}`
    expect(findUnknown(context(posts), params(search))?.above).toEqual({ uri: ROOT, height: 79 })
    const thread = unknown(posts, search, { thread: node(OTHER, 'root') })
    expect(thread?.parent?.post.uri).toBe(postUri(DID, 'one'))
    expect(thread?.parent?.parent?.post.uri).toBe(ROOT)
    expect(unknown(posts, search)?.parent?.parent).toBeUndefined()
    expect(unknown(posts, search, { thread: { $type: 'com.example.lie' } })?.parent?.parent).toBeUndefined()
  })

  it('has only as many posts above it as are asked for', () => {
    const posts = [written('one', 1, replyTo(ROOT)), written('two', 2, replyTo(postUri(DID, 'one'), ROOT))]
    const search = (height: number) => params(`uri=${postUri(DID, 'two')}&parentHeight=${height}`)
    expect(findUnknown(context(posts), search(0))).toMatchObject({ parents: [], above: undefined })
    expect(findUnknown(context(posts), search(1))).toMatchObject({ parents: [posts[0]], above: undefined })
  })

  it('ends where posts name each other as parents', () => {
    const posts = [written('a', 1, replyTo(postUri(DID, 'b'))), written('b', 2, replyTo(postUri(DID, 'a')))]
    expect(unknown(posts, `uri=${postUri(DID, 'a')}`)?.parent?.post.uri).toBe(postUri(DID, 'b'))
  })
})
