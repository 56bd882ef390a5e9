// A process of its own that copies blobs: for a test to kill. The move comes as its one message.
import { copyMissingBlobs, type TokenMoving } from './token.ts'

process.once('message', (moving: TokenMoving) => {
  void copyMissingBlobs(moving).then(() => process.disconnect?.())
})
