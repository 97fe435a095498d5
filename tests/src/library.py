"""A client that is sold as a library: python3 library.py HOST:PORT USER. A line a step, without names and keys that differ from run to run."""
import json, os, sys, warnings
from email.message import EmailMessage

for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
    # They would have certificates checked although the client is told not to.
    os.environ.pop(name, None)
warnings.simplefilter("ignore")

from pyactivesync import Client
from requests import HTTPError

server, user = sys.argv[1:3]
client = Client(server, user, user + "pw", device_id="LIBRARY1", verify_ssl=False, timeout=60)
# SOGo has no policies that a device could take on.
client._provisioned = True


def tell(name, call):
    try:
        said = call()
    except HTTPError as error:
        said = error.response.status_code
    print(json.dumps([name, said]))


folders = client.list_folders()
tell("FolderSync", lambda: sorted((int(folder.type), folder.name) for folder in folders if int(folder.type) < 12))
of = {int(folder.type): folder.id for folder in folders}
mailbox, key = next(folder.id for folder in folders if folder.name == "Story"), "0"
for _ in range(3):
    synced = client.sync_folder(mailbox, key)
    items, key = sorted(synced.added, key=lambda item: item.fields["Email.Subject"]), synced.sync_key
    if items:
        break
else:
    sys.exit(f"the folder stays empty: {synced}")
tell("Sync", lambda: [item.fields["Email.Subject"] for item in items])
tell("GetItemEstimate", lambda: client.get_item_estimate(mailbox, key))
for item in items:
    whole = client.fetch_item(mailbox, item.server_id)
    tell("Fetch", lambda: [whole.fields["Email.Subject"], [body.data for body in whole.bodies], len(whole.attachments)])
    for attachment in whole.attachments:
        tell("Fetch attachment", lambda: len(client.fetch_attachment(attachment.file_reference)))
tell("Search GAL", lambda: [entry.email_address for entry in client.search_gal("bob")])
tell("Find", lambda: len(client.find_mailbox("attachment").items))
mail = EmailMessage()
mail["From"], mail["To"], mail["Subject"] = f"{user}@example.test", "carl@example.test", "library"
mail.set_content("hi")
tell("SendMail", lambda: client.send_mail(mail))
tell("MoveItems", lambda: bool(client.move_item(items[0].server_id, mailbox, of[4])))
made = client.create_folder("Library")
tell("FolderUpdate", lambda: client.update_folder(made.id, "Library two"))
tell("FolderDelete", lambda: client.delete_folder(made.id))
tell("Ping", lambda: [client.ping([mailbox], heartbeat=8).status])
