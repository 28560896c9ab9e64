/** The browser half of `Stepper`: a slider with its place in words, and a button that walks along. */

const STEP_MS = 900;

function render({ model, el }) {
  el.classList.add("gb-stepper");
  const play = el.appendChild(document.createElement("button"));
  const label = el.appendChild(document.createElement("label"));
  const slider = document.createElement("input");
  const said = el.appendChild(document.createElement("output"));
  label.append(model.get("label"), slider);
  play.className = "jupyter-button";
  slider.type = "range";
  slider.min = 0;
  slider.step = 1;
  let timer = null;

  const follow = () => {
    slider.max = model.get("most");
    slider.value = model.get("value");
    said.textContent = model.get("names")[model.get("value")] ?? "";
    slider.setAttribute("aria-valuetext", said.textContent);
  };
  const go = (value) => {
    model.set("value", value);
    model.save_changes();
    follow();
  };
  const stop = () => {
    clearInterval(timer);
    timer = null;
    play.textContent = "Play";
  };
  const walk = () => {
    if (!el.isConnected || model.get("value") >= model.get("most")) return stop();
    go(model.get("value") + 1);
  };
  slider.oninput = () => {
    stop();
    go(Number(slider.value));
  };
  play.onclick = () => {
    if (timer !== null) return stop();
    if (model.get("value") >= model.get("most")) go(0);
    play.textContent = "Stop";
    timer = setInterval(walk, STEP_MS);
  };
  stop();
  follow();
  for (const trait of ["value", "most", "names"]) model.on(`change:${trait}`, follow);
  return stop;
}

export default { render };
