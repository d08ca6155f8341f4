/** What a saved page carries inside: compressed, in base64, in an element of its own. */

export async function embedded(id: string): Promise<ArrayBuffer> {
  const text = document.getElementById(id)?.textContent ?? "";
  const data = Uint8Array.from(atob(text.trim()), (letter) => letter.charCodeAt(0));
  const plain = new Blob([data]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(plain).arrayBuffer();
}
