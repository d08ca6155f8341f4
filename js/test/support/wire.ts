/** A kernel whose answers wait on the wire, where they can be lost, doubled, reordered and spoilt. */

import { serve, type World } from "../fixtures/kernel";
import { FakeModel, type Message } from "../fixtures/model";

export interface Letter {
  readonly message: Message;
  readonly buffers: readonly DataView[];
}

export class Wire {
  /** What the page sent and the kernel has not read. */
  readonly asked: Message[] = [];
  /** What the kernel sent and the page has not got. */
  letters: Letter[] = [];
  private readonly kernel = new FakeModel();
  readonly page: FakeModel;

  constructor(page: FakeModel, world: World) {
    this.page = page;
    page.answer = (message) => this.asked.push(message);
    this.kernel.on("msg:custom", (message, buffers) =>
      this.letters.push({ message: message as Message, buffers: buffers as readonly DataView[] }),
    );
    this.become(world);
  }

  become(world: World): void {
    serve(this.kernel, world);
  }

  /** A new kernel with another experiment: what was under way is gone. */
  restart(world: World): void {
    this.asked.length = 0;
    this.letters = [];
    this.become(world);
  }

  /** The kernel reads one question, and its answers go on the wire. */
  work(index: number): void {
    const [message] = this.asked.splice(index % Math.max(1, this.asked.length), 1);
    if (message !== undefined) this.kernel.send(message);
  }

  take(index: number): Letter | undefined {
    return this.letters.splice(index % Math.max(1, this.letters.length), 1)[0];
  }

  peek(index: number): Letter | undefined {
    return this.letters[index % Math.max(1, this.letters.length)];
  }

  deliver(letter: Letter | undefined): void {
    if (letter !== undefined) this.page.receive(letter.message, letter.buffers);
  }

  /** Nothing is lost any more: all questions are answered in order. A cancelled or replaced one is dropped. */
  settle(): void {
    for (let i = 0; this.asked.length > 0 || this.letters.length > 0; i++) {
      if (i > 2000) throw new Error("the page asks for ever");
      this.work(0);
      this.deliver(this.take(0));
    }
  }
}
