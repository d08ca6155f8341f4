// The widget without Jupyter: a model of anywidget's kind whose kernel is the test. It also writes down what no page
// may do: violations of the Content-Security-Policy, and markup that was executed.

const decoded = (base64) =>
  new DataView(Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)).buffer);

class Model {
  handlers = new Map();
  values = new Map();
  sent = [];

  get(name) {
    return this.values.get(name);
  }

  set(name, value) {
    this.values.set(name, value);
    this.trigger(`change:${name}`);
  }

  on(event, handler) {
    this.handlers.set(event, [...(this.handlers.get(event) ?? []), handler]);
  }

  off(event, handler) {
    this.handlers.set(event, (this.handlers.get(event) ?? []).filter((each) => each !== handler));
  }

  send(message) {
    this.sent.push(message);
  }

  trigger(event, ...args) {
    for (const handler of this.handlers.get(event) ?? []) handler.call(undefined, ...args);
  }

  receive(message, buffers) {
    this.trigger("msg:custom", message, buffers.map(decoded));
  }
}

const bare = { model: new Model(), violations: [], executed: 0, dispose: undefined };
window.bare = bare;
window.executed = () => {
  bare.executed += 1;
};
document.addEventListener("securitypolicyviolation", (event) => {
  bare.violations.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`);
});

/** Shows the widget anew, in the page or in a shadow root. */
bare.show = (inShadow) => {
  bare.dispose?.();
  bare.model = new Model();
  const place = document.getElementById("here");
  const host = document.createElement("div");
  place.replaceChildren(host);
  const el = document.createElement("div");
  (inShadow ? host.attachShadow({ mode: "open" }) : host).append(el);
  bare.dispose = bare.widget.render({ model: bare.model, el });
};

const { default: widget } = await import("./widget.js");
bare.widget = widget;
document.documentElement.dataset.ready = "";
