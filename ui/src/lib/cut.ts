// Text that is cut off where there is no room for it.

/** Whether more belongs to it than is seen. */
export function cutOff(element: Element): boolean {
  return element.scrollWidth > element.clientWidth;
}

/** What is cut off under the pointer. */
export function cutUnder(target: EventTarget | null): Element | null {
  const text = target instanceof Element ? target.closest(".clip") : null;
  return text && cutOff(text) ? text : null;
}

/** What is cut off in the control that has the focus. */
export function cutWithin(target: EventTarget | null): Element | null {
  if (!(target instanceof Element) || !target.matches("a, button, bdi")) return null;
  return (
    [target, ...target.querySelectorAll(".clip")].find(
      (one) => one.matches(".clip") && cutOff(one),
    ) ?? null
  );
}
