/** The browser half of `Link`: a field that holds the link and a button that copies it; when it is
 * on the page it says so, since what changed while the page was loading never reached it. */

function address(model) {
  const token = model.get("token");
  if (!document.body.hasAttribute("data-voila")) return `Explorer("${token}")`;
  const url = new URL(globalThis.location.href);
  url.hash = "";
  url.searchParams.set("r", token);
  return url.href;
}

function render({ model, el }) {
  el.classList.add("gb-link");
  const label = el.appendChild(document.createElement("label"));
  const field = label.appendChild(document.createElement("input"));
  const button = el.appendChild(document.createElement("button"));
  const inVoila = document.body.hasAttribute("data-voila");
  label.prepend(inVoila ? "Link to this recipe" : "Python for this recipe");
  field.readOnly = true;
  button.className = "jupyter-button";
  const rest = inVoila ? "Copy link" : "Copy";
  button.textContent = rest;
  field.onfocus = () => field.select();
  button.onclick = async () => {
    try {
      await navigator.clipboard.writeText(field.value);
      button.textContent = "Copied";
    } catch {
      field.focus();
      button.textContent = "Press Ctrl-C";
    }
    setTimeout(() => (button.textContent = rest), 2000);
  };
  const follow = () => (field.value = address(model));
  follow();
  model.on("change:token", follow);
  model.send("on the page");
}

export default { render };
