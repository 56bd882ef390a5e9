import type { Actor } from '../support/actor.ts'
import type { Services } from '../support/services.ts'
import { appPasswords } from './appPasswords.ts'
import { lists, muteAndBlock, report } from './moderation.ts'
import { neighbourPosts, profile, publish, video } from './posts.ts'
import { meet, notifications, read, search } from './reading.ts'
import { chat, feeds, mistakes, otherRepositories } from './otherServices.ts'
import { account, settings, signIn, signOut } from './session.ts'

/** A life in an app: from sign-in to sign-out. */
export async function live(actor: Actor, services: Services): Promise<void> {
  await signIn(actor)
  await settings(actor)
  await profile(actor)
  const theirs = await neighbourPosts(actor)
  const posts = await publish(actor)
  await video(actor)
  await meet(actor, theirs)
  await read(actor, posts, theirs)
  await notifications(actor, posts)
  await lists(actor)
  await muteAndBlock(actor, theirs)
  await search(actor)
  await feeds(actor, services, posts)
  await report(actor, services, theirs)
  await chat(actor, services)
  await otherRepositories(actor, theirs)
  await mistakes(actor)
  await account(actor)
  await appPasswords(actor, services)
  await signOut(actor)
}
