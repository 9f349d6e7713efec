// What the external system said becomes the answer to NSPS.
const done = msg.statusCode === 200 && msg.payload && msg.payload.result === true;
msg.statusCode = done ? 202 : 500;
msg.payload = {message: done ? "Event accepted for processing" : "API Core HTTP error"};
msg.headers = {};
return msg;
