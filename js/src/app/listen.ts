/** Listeners that return their own removal. */

export type Removal = () => void;

export function listen<K extends keyof HTMLElementEventMap>(
  target: HTMLElement,
  type: K,
  handler: (event: HTMLElementEventMap[K]) => void,
  options?: AddEventListenerOptions,
): Removal {
  target.addEventListener(type, handler, options);
  return () => target.removeEventListener(type, handler, options);
}

/** The width of an element, now and whenever it changes. */
export function watchWidth(el: HTMLElement, changed: (width: number) => void): Removal {
  const read = () => changed(Math.floor(el.getBoundingClientRect().width));
  read();
  const observer = new ResizeObserver(read);
  observer.observe(el);
  return () => observer.disconnect();
}

export function removeAll(removals: readonly Removal[]): Removal {
  return () => {
    for (const remove of removals) remove();
  };
}
