/** What read after write works with. */
export interface ReadAfterWrite {
  /** The method's name. */
  method: string
  request: Request
  /** The service's answer, an error too. */
  answer: Response
  /** Sends a request of the Worker's own to the account's object: see src/internalPaths.ts. */
  askAccount(question: Request): Promise<Response>
}

/** The reads in whose answers the account's newest records are put in. */
export const READ_AFTER_WRITE: ReadonlySet<string> = new Set([
  'app.bsky.actor.getProfile',
  'app.bsky.actor.getProfiles',
  'app.bsky.feed.getActorLikes',
  'app.bsky.feed.getAuthorFeed',
  'app.bsky.feed.getPostThread',
  'app.bsky.feed.getTimeline',
])

/** The service's answer with what was written here since it was made. */
export const readAfterWrite = async ({ answer }: ReadAfterWrite): Promise<Response> => answer
